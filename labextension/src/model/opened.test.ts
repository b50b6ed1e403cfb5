import { expect, test, vi } from 'vitest';

import { FakeJobs, summary } from '../testing';
import { Jobs } from './jobs';
import { Opened } from './opened';

function opened(makePlan = vi.fn(() => Promise.resolve(summary('a')))): Opened {
  const nothing = (): Promise<never> => Promise.reject(new Error('not asked for here'));
  const server = new FakeJobs();
  server.put(summary('a'));
  return new Opened(
    '/envs/geo',
    { environment: nothing, packages: nothing, revisions: nothing, makePlan, applyPlan: nothing },
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
});

test('all that is wanted is planned in one step', () => {
  const makePlan = vi.fn(() => Promise.resolve(summary('a')));
  const one = opened(makePlan);
  one.toggle('add', 'pandas');
  one.toggle('remove', 'numpy');
  void one.planChange();
  expect(makePlan).toHaveBeenCalledWith({
    verb: 'change',
    environment: '/envs/geo',
    add: ['pandas'],
    update: [],
    remove: ['numpy'],
    update_all: false
  });
});
