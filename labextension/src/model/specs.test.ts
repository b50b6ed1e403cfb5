import { expect, test } from 'vitest';

import { isNarrowed, nameOf, split } from './specs';

test.each([
  ['numpy', 'numpy'],
  ['NumPy >=2', 'numpy'],
  ['numpy>=1.20,<3', 'numpy'],
  ['conda-forge::numpy=2', 'numpy'],
  ['numpy[version=2]', 'numpy'],
  [' r-base ', 'r-base']
])('%s is about %s', (spec, name) => {
  expect(nameOf(spec)).toBe(name);
});

test('a comma within a version separates nothing', () => {
  expect(split('numpy >=1.20,<3, pandas\nscipy')).toEqual(['numpy >=1.20,<3', 'pandas', 'scipy']);
});

test('a name alone says nothing of versions', () => {
  expect(['numpy', 'numpy ', 'numpy>=2', 'conda-forge::numpy'].map(isNarrowed)).toEqual([false, false, true, true]);
});
