import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import type { JobSummary, NewPlan, Outcome, Plan, When } from '../api/client';
import { FakeJobs, numbered, outcome, summary } from '../testing';
import { Jobs } from './jobs';
import { Operation } from './operation';

const ASKED: NewPlan = { verb: 'change', environment: '/envs/geo', add: ['numpy'] };
const OUTDATED = { code: 'outdated', message: 'It has changed.', hint: '', details: {} };

function plan(digest: string): Plan {
  const lock = { platform: 'linux-64', channels: [], specs: [], packages: [] };
  return { prefix: '/envs/geo', verb: 'change', before: digest, lock, changes: [], download_bytes: 0 };
}

let server: FakeJobs;
let applied: [plan: string, when: When][];
let ends: Outcome[];
let operation: Operation;

/** The next job, which ends as was arranged. */
function job(): Promise<JobSummary> {
  const one = summary(`job-${server.histories.size}`);
  server.put(one, [], ends.shift() as Outcome);
  return Promise.resolve(one);
}

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeJobs();
  applied = [];
  operation = new Operation(
    {
      makePlan: job,
      explain: job,
      applyPlan: (id, when) => {
        applied.push([id, when]);
        return job();
      }
    },
    new Jobs(server)
  );
});

afterEach(() => {
  vi.useRealTimers();
});

test('the plan that was shown is the one that is applied', async () => {
  ends = [outcome('succeeded', { result: { result: 'planned', plan: plan('a') } }), outcome('succeeded')];
  await operation.plan(ASKED);
  expect(operation.read()).toMatchObject({ phase: 'planned', plan: { before: 'a' }, again: false });
  await operation.apply('now');
  expect(applied).toEqual([['job-0', 'now']]);
  expect(operation.read()).toMatchObject({ phase: 'idle', plan: null, failure: null });
});

test('what was told while a plan was made is kept with it', async () => {
  const told = numbered(
    { event: 'step', phase: 'solve', text: 'Solving' },
    { event: 'message', level: 'warning', text: 'Left out: TOKEN' }
  );
  const made = summary('made');
  server.put(made, told, outcome('succeeded', { result: { result: 'planned', plan: plan('a') } }));
  operation = new Operation({ makePlan: () => Promise.resolve(made), explain: job, applyPlan: job }, new Jobs(server));
  await operation.plan(ASKED);
  expect(operation.read().told).toEqual(['Left out: TOKEN']);
});

test('of two plans the one that was asked for last is shown and applied, whichever is made first', async () => {
  const first = summary('first');
  const second = summary('second');
  server.put(first);
  server.put(second);
  const made = [first, second];
  const jobs = new Jobs(server);
  operation = new Operation(
    {
      makePlan: () => Promise.resolve(made.shift() as JobSummary),
      explain: job,
      applyPlan: (id, when) => {
        applied.push([id, when]);
        ends = [outcome('succeeded')];
        return job();
      }
    },
    jobs
  );
  void operation.plan(ASKED);
  void operation.plan({ verb: 'rollback', environment: '/envs/geo', revision: 1 });
  await vi.advanceTimersByTimeAsync(0);
  server.put(second, [], outcome('succeeded', { result: { result: 'planned', plan: plan('b') } }));
  await jobs.readOn('second');
  await vi.advanceTimersByTimeAsync(0);
  server.put(first, [], outcome('succeeded', { result: { result: 'planned', plan: plan('a') } }));
  await jobs.readOn('first');
  await vi.advanceTimersByTimeAsync(0);
  expect(operation.read()).toMatchObject({ phase: 'planned', plan: { before: 'b' }, asked: { verb: 'rollback' } });
  await operation.apply('now');
  expect(applied).toEqual([['second', 'now']]);
});

test('a plan that is no longer true is made again, and not applied unseen', async () => {
  ends = [
    outcome('succeeded', { result: { result: 'planned', plan: plan('a') } }),
    outcome('failed', { failure: OUTDATED }),
    outcome('succeeded', { result: { result: 'planned', plan: plan('b') } })
  ];
  await operation.plan(ASKED);
  await operation.apply('next_start');
  expect(operation.read()).toMatchObject({ phase: 'planned', plan: { before: 'b' }, again: true });
  expect(applied).toHaveLength(1);
});

test('why there is no plan is told', async () => {
  const failure = { code: 'unsatisfiable', message: 'They clash.', hint: 'Leave one out.', details: {} };
  ends = [outcome('failed', { failure })];
  await operation.plan(ASKED);
  expect(operation.read()).toMatchObject({ phase: 'idle', failure });
});

test('what clashes is explained, for what was asked for without a plan as well', async () => {
  const details = { explanation: 'a tree', specs: [] };
  const failure = { code: 'unsatisfiable', message: 'They clash.', hint: '', details };
  const explanation = { possible: false, clashes: [{ requests: ['a', 'b'] }] };
  ends = [outcome('failed', { failure }), outcome('succeeded', { result: { result: 'explained', explanation } })];
  await operation.run(job, { verb: 'create', name: 'geo', specs: ['a', 'b'] });
  expect([operation.isExplainable, operation.read().failed]).toEqual([true, 'job-0']);
  await operation.explain();
  expect(operation.read()).toMatchObject({ failure, explaining: '', explanation });
  operation.forget();
  expect(operation.read()).toMatchObject({ failure: null, explanation: null });
});

test('what the server refuses at once is told as well', async () => {
  await operation.run(() => Promise.reject(new ApiError('already_exists', 'There is one.', 'Choose another name.')));
  expect(operation.read()).toMatchObject({ phase: 'idle', failure: { message: 'There is one.' } });
});
