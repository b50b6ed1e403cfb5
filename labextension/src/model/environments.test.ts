import { expect, test } from 'vitest';

import type { Environment } from '../api/client';
import { placed } from './environments';

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
