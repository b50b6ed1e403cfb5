import { expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import type { Api, Environment } from '../api/client';
import { FakeJobs } from '../testing';
import { Environments, placed } from './environments';
import { Jobs } from './jobs';

const at = (name: string, base = ''): Environment => ({ name, prefix: `/envs/${name}`, base: base && `/envs/${base}` });
const names = (environments: Environment[], filter = ''): string[] =>
  placed(environments, filter).map(({ environment, depth }) => ' '.repeat(depth) + environment.name);

test('an overlay comes below the one it stands on', () => {
  expect(names([at('base'), at('over', 'mine'), at('mine', 'base'), at('z')])).toEqual([
    'base',
    ' mine',
    '  over',
    'z'
  ]);
});

test('an overlay whose base is not listed stands for itself', () => {
  expect(names([at('mine', 'elsewhere')])).toEqual(['mine']);
  expect(names([at('base'), at('mine', 'base')], 'MINE')).toEqual(['mine']);
});

function environments(list: Api['environments']): Environments {
  const jobs = new Jobs(new FakeJobs());
  return new Environments(
    { environments: list, storage: () => Promise.resolve(null), measure: () => Promise.reject(new ApiError('', '')) },
    jobs,
    () => false
  );
}

test('an answer that comes after a later one is of no interest', async () => {
  const answers: ((all: Environment[]) => void)[] = [];
  const known = environments(() => new Promise(resolve => answers.push(resolve)));
  const both = [known.refresh(), known.refresh()];
  answers[1]([at('old'), at('new')]);
  answers[0]([at('old')]);
  await Promise.all(both);
  expect(known.read().environments.map(one => one.name)).toEqual(['old', 'new']);
});

test('what others delete is noticed by looking, and nothing is drawn where nothing is another', async () => {
  let there = [at('one'), at('two')];
  const known = environments(() => Promise.resolve(there));
  await known.refresh();
  const drawn = vi.fn();
  known.subscribe(drawn);
  await known.look();
  expect(drawn).not.toHaveBeenCalled();
  there = [at('one')];
  await known.look();
  expect(known.read().environments.map(one => one.name)).toEqual(['one']);
});
