import { expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import type { Api } from '../api/client';
import { FakeJobs, outcome, summary } from '../testing';
import { isOfInterest } from './jobs';
import { Panel } from './panel';

function panelOf(answers: Partial<Api>): Panel {
  return new Panel(answers as Api, () => ({ defaultPackages: [], measureSizes: false }));
}

test('what a button has asked for, and the server refuses, is told; that it is away is known', async () => {
  const refuse = (code: string) => () => Promise.reject(new ApiError(code, ''));
  const panel = panelOf({ lock: refuse('server_error'), cancel: refuse('not_found') });
  const refused: string[] = [];
  panel.refused.connect((_, failure) => refused.push(failure.code));
  expect(await panel.lock('/envs/geo')).toBeNull();
  await panel.cancel('a');
  expect(refused).toEqual(['server_error', 'not_found']);
  const away = panelOf({ lock: refuse('offline') });
  away.refused.connect((_, failure) => refused.push(failure.code));
  expect(await away.lock('/envs/geo')).toBeNull();
  expect(refused).toHaveLength(2);
  expect(away.connection.read().trouble).toBe('offline');
  panel.dispose();
  away.dispose();
});

test('a look for what other programs have made is a job, after which the list is read anew', async () => {
  const server = new FakeJobs();
  const job = summary('a', { verb: 'scan', prefix: '' });
  const environments = vi.fn(() => Promise.resolve([]));
  const scan = vi.fn(() => {
    server.put(job);
    return Promise.resolve(job);
  });
  const panel = panelOf({
    jobs: server.jobs,
    job: server.job,
    environments,
    storage: () => Promise.resolve(null),
    scan
  });
  await panel.scan();
  expect(panel.jobs.isOwn('a')).toBe(true);
  const read = environments.mock.calls.length;
  server.put(job, [], outcome('succeeded'));
  await panel.jobs.readOn('a');
  expect(environments.mock.calls.length).toBe(read + 1);
  expect(panel.jobs.read().jobs.filter(isOfInterest)).toEqual([]);
  panel.dispose();
});
