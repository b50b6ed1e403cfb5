import { expect, test } from 'vitest';

import { faultOf } from './names';
import names from './names.json';

test.each(names.good)('%j can be a name', name => {
  expect(faultOf(name)).toBeNull();
});

test.each(names.bad)('%j cannot be a name', name => {
  expect(faultOf(name)).not.toBeNull();
});

test('a name is as long as a file may be called', () => {
  expect(['a'.repeat(255), 'a'.repeat(256), 'ß'.repeat(127), 'ß'.repeat(128)].map(faultOf)).toEqual([
    null,
    'long',
    null,
    'long'
  ]);
});
