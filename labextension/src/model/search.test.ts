import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import type { Schemas } from '../api/client';
import { FakeJobs, outcome, summary } from '../testing';
import { Jobs } from './jobs';
import { Search } from './search';

const TOTAL = 30_000;

let asked: [q: string, offset: number][];
let environments: string[];
let indexed: (readonly string[])[];
let missing: string[];
let server: FakeJobs;
let search: Search;

function answer(q: string, limit: number, offset: number, environment = ''): Promise<Schemas['FoundPackages']> {
  asked.push([q, offset]);
  environments.push(environment);
  const packages = Array.from({ length: Math.min(limit, TOTAL - offset) }, (_, index) => ({
    name: `${q}-${offset + index}`,
    version: '1.0',
    versions: 1,
    channel: 'here',
    summary: '',
    license: ''
  }));
  return Promise.resolve({ packages, total: TOTAL, indexes: [], missing });
}

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  environments = [];
  indexed = [];
  missing = [];
  server = new FakeJobs();
  const indexChannels = (channels: readonly string[]): Promise<Schemas['JobSummary']> => {
    indexed.push(channels);
    missing = [];
    server.put(summary('i', { verb: 'index' }), [], outcome('succeeded'));
    return Promise.resolve(summary('i', { verb: 'index' }));
  };
  search = new Search({ search: answer, indexChannels }, new Jobs(server));
});

afterEach(() => {
  vi.useRealTimers();
});

test('the channels of an environment are searched for it, and fetched where they have not been', async () => {
  missing = ['of-lab'];
  await search.open('/envs/lab');
  expect(environments).toEqual(['/envs/lab', '/envs/lab']);
  expect(indexed).toEqual([['of-lab']]);
  await search.open();
  expect(environments).toEqual(['/envs/lab', '/envs/lab', '']);
});

test('of thirty thousand packages only those in sight are asked for, once', async () => {
  await search.open();
  search.need(20_000, 20_030);
  search.need(20_001, 20_031);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual([
    ['', 0],
    ['', 20_000]
  ]);
  expect(search.read().found.size).toBe(200);
  expect(search.read().found.get(20_010)?.name).toBe('-20010');
});

test('while a person types the server is asked once, when they pause', async () => {
  await search.open();
  for (const text of ['n', 'nu', 'num']) {
    search.setText(text, text);
    await vi.advanceTimersByTimeAsync(50);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.map(([q]) => q)).toEqual(['', 'num']);
});

test('a version that is typed asks for nothing new', async () => {
  await search.open();
  search.setText('num', 'num');
  await vi.advanceTimersByTimeAsync(1_000);
  search.setText('num >=2', 'num');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveLength(2);
});

test('an answer that comes too late is left out', async () => {
  let late = (): void => {};
  const slow = new Search(
    {
      search: (q, limit, offset) =>
        q === 'old'
          ? new Promise(resolve => (late = () => resolve(answer(q, limit, offset))))
          : answer(q, limit, offset),
      indexChannels: () => Promise.reject(new Error('not here'))
    },
    new Jobs(server)
  );
  slow.setText('old', 'old');
  await vi.advanceTimersByTimeAsync(1_000);
  slow.setText('new', 'new');
  await vi.advanceTimersByTimeAsync(1_000);
  late();
  await vi.advanceTimersByTimeAsync(0);
  expect(slow.read().found.get(0)?.name).toBe('new-0');
});

test('where no channel can be searched yet, a job makes it so', async () => {
  missing = ['here'];
  await search.open();
  expect(search.read()).toMatchObject({ missing: [], indexing: '', failure: null });
  expect(asked).toHaveLength(2);
});

test('why the lists could not be fetched is told', async () => {
  const failing = new Search(
    {
      search: (_, limit, offset) => answer('', limit, offset).then(found => ({ ...found, missing: ['away'] })),
      indexChannels: () => {
        const failure = { code: 'channel_error', message: 'away cannot be reached.', hint: 'Try later.', details: {} };
        server.put(summary('i'), [], outcome('failed', { failure }));
        return Promise.resolve(summary('i'));
      }
    },
    new Jobs(server)
  );
  await failing.open();
  expect(failing.read().failure).toMatchObject({ message: 'away cannot be reached.', hint: 'Try later.' });
});

function searchAnswering(has: () => Promise<string[]>): Search {
  return new Search(
    {
      search: (q, limit, offset, environment) =>
        has().then(async names => {
          const found = await answer(q, limit, offset, environment);
          const packages = q ? names.map(name => ({ ...found.packages[0], name })) : found.packages;
          return { ...found, packages };
        }),
      indexChannels: () => Promise.reject(new ApiError('offline', ''))
    },
    new Jobs(server)
  );
}

test('which packages no channel has is asked once, as long as the channels are the same', async () => {
  const one = searchAnswering(() => Promise.resolve(['a-tool', 'a_tool']));
  await one.open();
  await one.lookFor(['a_tool', 'nosuchpkg']);
  await one.lookFor(['a_tool', 'nosuchpkg']);
  expect(asked.map(([q]) => q)).toEqual(['', 'a_tool', 'nosuchpkg']);
  expect([...one.read().absent]).toEqual(['nosuchpkg']);
  await one.open('/envs/lab');
  expect(one.read().absent.size).toBe(0);
});

test('while a channel cannot be searched no package is told to be in none, and none is asked for', async () => {
  missing = ['here'];
  const one = searchAnswering(() => Promise.resolve([]));
  await one.open();
  await one.lookFor(['nosuchpkg']);
  expect(asked.map(([q]) => q)).toEqual(['']);
  expect(one.read().absent.size).toBe(0);
});

test('a package that could not be asked for is asked for again', async () => {
  let has = (): Promise<string[]> => Promise.resolve([]);
  const one = searchAnswering(() => has());
  await one.open();
  has = () => Promise.reject(new ApiError('offline', ''));
  await one.lookFor(['nosuchpkg']);
  expect(one.read()).toMatchObject({ absent: new Set(), failure: null });
  has = () => Promise.resolve([]);
  await one.lookFor(['nosuchpkg']);
  expect([...one.read().absent]).toEqual(['nosuchpkg']);
});
