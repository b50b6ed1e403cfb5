import { expect, test } from 'vitest';

import { isNarrowed, isOfAnyChannel, nameOf, split } from './specs';

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

test.each([
  ['numpy pandas\tscipy', ['numpy', 'pandas', 'scipy']],
  ['numpy\r\npandas >=2 \n\n', ['numpy', 'pandas >=2']],
  ['numpy >=2 pandas', ['numpy >=2', 'pandas']],
  ['numpy >= 2, <3 conda-forge::pandas=2', ['numpy >= 2, <3', 'conda-forge::pandas=2']],
  ['numpy 1.20 py39_0 mkl', ['numpy 1.20 py39_0', 'mkl']],
  ['python 3.12.* *_cpython', ['python 3.12.* *_cpython']]
])('%j are several', (text, specs) => {
  expect(split(text)).toEqual(specs);
});

test('a name alone says nothing of versions', () => {
  expect(['numpy', 'numpy ', 'numpy>=2', 'conda-forge::numpy'].map(isNarrowed)).toEqual([false, false, true, true]);
});

test.each([
  ['numpy >=2', true],
  ['_libgcc_mutex', true],
  ['conda-forge::numpy', false],
  ['numpy[channel=conda-forge]', false],
  ['__cuda', false],
  ['https://here.example/numpy-1.0-0.conda', false],
  ['py*', false]
])('whether %s may come from any channel: %j', (spec, may) => {
  expect(isOfAnyChannel(spec)).toBe(may);
});
