import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import { FakeJobs, numbered, outcome, summary } from '../testing';
import { fold, Jobs, unread } from './jobs';
import type { IJob } from './jobs';

let server: FakeJobs;
let jobs: Jobs;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeJobs();
  jobs = new Jobs(server);
});

afterEach(() => {
  jobs.dispose();
  vi.useRealTimers();
});

const EVENTS = numbered(
  { event: 'step', phase: 'download', text: 'Downloading' },
  { event: 'progress', phase: 'download', done: 5, total: 10, unit: 'bytes', item: 'numpy' },
  { event: 'message', level: 'warning', text: 'Slow' }
);

test('events become a step, a progress and a log', () => {
  const job = fold(unread(summary('a')), EVENTS);
  expect(job).toMatchObject({
    number: 3,
    step: 'Downloading',
    progress: { done: 5, total: 10, unit: 'bytes', item: 'numpy' }
  });
  expect(job.log.map(line => [line.kind, line.text])).toEqual([
    ['step', 'Downloading'],
    ['warning', 'Slow']
  ]);
});

test('events that come twice count once', () => {
  const once = fold(unread(summary('a')), EVENTS);
  expect(fold(once, EVENTS)).toEqual(once);
});

test('a hint has the history read from where it was left', async () => {
  server.put(summary('a'), EVENTS.slice(0, 1));
  jobs.add(summary('a'));
  await vi.advanceTimersByTimeAsync(0);
  server.put(summary('a'), EVENTS);
  jobs.hint({ id: 'a', state: 'running', number: 3 });
  await vi.advanceTimersByTimeAsync(0);
  expect(server.asked).toEqual([
    ['a', 0],
    ['a', 1]
  ]);
  expect(jobs.get('a')?.log).toHaveLength(2);
});

test('a hint about what is known already asks nothing', async () => {
  server.put(summary('a'), EVENTS);
  jobs.add(summary('a'));
  await vi.advanceTimersByTimeAsync(0);
  jobs.hint({ id: 'a', state: 'running', number: 3 });
  await vi.advanceTimersByTimeAsync(0);
  expect(server.asked).toHaveLength(1);
});

test('without hints a job is looked at until it has ended', async () => {
  server.put(summary('a'));
  jobs.add(summary('a'));
  await vi.advanceTimersByTimeAsync(0);
  const ended: IJob[] = [];
  jobs.ended.connect((_, job) => ended.push(job));
  server.put(summary('a'), EVENTS, outcome('succeeded'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ended.map(job => job.state)).toEqual(['succeeded']);
  const looks = server.asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toHaveLength(looks);
});

test('a job that another page started is found by its hint', async () => {
  server.put(summary('b'), EVENTS);
  jobs.hint({ id: 'b', state: 'running', number: 3 });
  await vi.advanceTimersByTimeAsync(0);
  expect(jobs.read().jobs.map(job => [job.id, job.number])).toEqual([['b', 3]]);
});

test('what another program did in the meantime is news', async () => {
  await jobs.refresh();
  const ended: string[] = [];
  jobs.ended.connect((_, job) => ended.push(job.id));
  server.put(summary('theirs', { state: 'succeeded' }), EVENTS, outcome('succeeded'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ended).toEqual(['theirs']);
  expect(jobs.get('theirs')?.state).toBe('succeeded');
});

test('a server that cannot be reached is noticed while nothing runs', async () => {
  await jobs.refresh();
  const failed: string[] = [];
  jobs.failed.connect((_, error) => failed.push(error.code));
  server.jobs = () => Promise.reject(new ApiError('offline', '', ''));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(failed).toContain('offline');
});

test('what runs stays in sight', async () => {
  server.put(summary('a'));
  await jobs.refresh();
  server.jobs = () => Promise.resolve([summary('b', { state: 'succeeded' })]);
  await jobs.refresh();
  expect(jobs.read().jobs.map(job => job.id)).toEqual(['b', 'a']);
});

test('a job that had ended before is no news', async () => {
  server.put(summary('a'), EVENTS, outcome('succeeded'));
  const ended: IJob[] = [];
  jobs.ended.connect((_, job) => ended.push(job));
  await jobs.refresh();
  await jobs.readOn('a');
  expect(jobs.get('a')?.outcome?.state).toBe('succeeded');
  expect(ended).toEqual([]);
});
