import { expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import type { Api, EnvironmentDetail, NewPlan, Plan } from '../api/client';
import { FakeJobs, summary } from '../testing';
import { Jobs } from './jobs';
import { Opened } from './opened';

function opened(makePlan = vi.fn(() => Promise.resolve(summary('a'))), answers: Partial<Api> = {}): Opened {
  const nothing = (): Promise<never> => Promise.reject(new Error('not asked for here'));
  const server = new FakeJobs();
  server.put(summary('a'));
  return new Opened(
    '/envs/geo',
    {
      environment: nothing,
      packages: nothing,
      revisions: nothing,
      deferred: nothing,
      health: nothing,
      annotate: nothing,
      makePlan,
      applyPlan: nothing,
      explain: nothing,
      ...answers
    },
    new Jobs(server)
  );
}

test('of one package one thing is wanted', () => {
  const one = opened();
  one.toggle('update', 'numpy');
  one.toggle('remove', 'numpy');
  one.toggle('add', 'numpy >=2');
  one.toggle('add', 'numpy <3');
  expect(one.read()).toMatchObject({ add: ['numpy <3'], update: [], remove: [] });
  one.toggle('add', 'numpy <3');
  expect(one.read().add).toEqual([]);
  one.toggle('add', 'numpy');
  one.toggle('byPip', 'NumPy[extra] >=2');
  expect(one.read()).toMatchObject({ add: [], byPip: ['NumPy[extra] >=2'] });
});

test('all that is wanted is planned in one step', () => {
  const makePlan = vi.fn(() => Promise.resolve(summary('a')));
  const one = opened(makePlan);
  one.toggle('add', 'pandas');
  one.toggle('byPip', 'rich >=14');
  one.toggle('remove', 'numpy');
  void one.planChange();
  expect(makePlan).toHaveBeenCalledWith({
    verb: 'change',
    environment: '/envs/geo',
    add: ['pandas'],
    pip: ['rich >=14'],
    update: [],
    remove: ['numpy'],
    update_all: false
  });
});

test('a way out replaces what was asked for before, and what was about to be', async () => {
  const detail = { specs: ['tool <2', 'old'] } as EnvironmentDetail;
  const one = opened(undefined, {
    environment: () => Promise.resolve(detail),
    packages: () => Promise.resolve({ packages: [], pip: [] }),
    revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
    health: () => Promise.resolve(null)
  });
  await one.refresh();
  one.toggle('add', 'extra >=1');
  one.take({ kind: 'relax', text: '', works: true, specs: ['tool', 'old', 'extra >=1'] });
  expect(one.read()).toMatchObject({ add: ['tool=*', 'extra >=1'], remove: [] });
  one.take({ kind: 'drop', text: '', works: true, specs: ['tool <2', 'extra'] });
  expect(one.read()).toMatchObject({ add: ['extra'], remove: ['old'] });
});

test('what is wanted while something else is done is still wanted after it', () => {
  const one = opened();
  one.toggle('add', 'pandas');
  one.toggle('remove', 'numpy');
  const asked: NewPlan = { verb: 'change', environment: '/envs/geo', add: ['pandas'], remove: ['numpy'] };
  one.toggle('add', 'scipy');
  one.toggle('byPip', 'rich');
  one.done(asked);
  expect(one.read()).toMatchObject({ add: ['scipy'], byPip: ['rich'], update: [], remove: [], everything: false });
});

test('that the last plan was cancelled is no longer told after the next action', () => {
  const one = opened();
  one.operation.refuse({ code: 'cancelled', message: 'It was cancelled.' });
  one.toggleAll();
  expect(one.operation.read().failure).toBeNull();
});

test('what makes a kernel of it is planned by itself, beside what else is wanted', () => {
  const makePlan = vi.fn(() => Promise.resolve(summary('a')));
  const one = opened(makePlan);
  one.toggle('add', 'pandas');
  void one.planKernel();
  expect(makePlan).toHaveBeenCalledWith({ verb: 'change', environment: '/envs/geo', add: ['ipykernel'] });
  expect(one.read().add).toEqual(['pandas']);
});

test('what waits for a kernel is read where something does, and nothing waits that was applied in between', async () => {
  const deferred = vi.fn(() => Promise.resolve({ words: 'add tool' } as Plan));
  const detail = { deferred: true } as EnvironmentDetail;
  const one = opened(undefined, {
    environment: () => Promise.resolve({ ...detail }),
    packages: () => Promise.resolve({ packages: [], pip: [] }),
    revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
    health: () => Promise.resolve(null),
    deferred
  });
  await one.refresh();
  expect(one.read().deferred).toEqual({ words: 'add tool' });
  deferred.mockImplementation(() => Promise.reject(new ApiError('not_found', 'Nothing waits.')));
  await one.refresh();
  expect(one.read()).toMatchObject({ deferred: null, unreadable: null, failure: null });
  deferred.mockImplementation(() => Promise.reject(new ApiError('broken', 'It is damaged.')));
  await one.refresh();
  expect(one.read()).toMatchObject({ deferred: null, unreadable: { code: 'broken' }, failure: null });
  detail.deferred = false;
  await one.refresh();
  expect(deferred).toHaveBeenCalledTimes(3);
});

test('of an environment that is damaged the states are read all the same', async () => {
  const one = opened(undefined, {
    environment: () => Promise.reject(new ApiError('broken', 'The last revision is damaged.')),
    packages: () => Promise.reject(new ApiError('broken', 'The last revision is damaged.')),
    revisions: () => Promise.resolve({ revisions: [], damaged: [3] }),
    health: () => Promise.resolve(null)
  });
  await one.refresh();
  expect(one.read()).toMatchObject({ damaged: [3], pastKnown: true, failure: { code: 'broken' } });
});
