import { expect, test } from 'vitest';

import type { Notes } from '../api/client';
import { changed, written } from './notes';

const NOTES: Notes = { protected: true, frozen: 'An exam.', tags: ['prod', '2026'], note: 'For all.' };

test('notes that are left as they were change nothing', () => {
  for (const notes of [NOTES, {}, null]) {
    expect(changed(notes, written(notes))).toBeNull();
  }
});

test('only what was written anew is changed', () => {
  const is = written(NOTES);
  expect(changed(NOTES, { ...is, note: ' For some. ' })).toEqual({ note: 'For some.' });
  expect(changed(NOTES, { ...is, protected: false })).toEqual({ protected: false });
  expect(changed(NOTES, { ...is, tags: '2026 exam,, exam' })).toEqual({ tag: ['exam'], untag: ['prod'] });
  expect(changed(NOTES, { ...is, message: 'Two exams.' })).toEqual({ frozen: true, message: 'Two exams.' });
  expect(changed(NOTES, { ...is, frozen: false })).toEqual({ frozen: false, message: '' });
  expect(changed(null, { ...written(null), frozen: true })).toEqual({ frozen: true, message: '' });
});
