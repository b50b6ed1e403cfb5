import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import { Connection } from './connection';

let answer: () => Promise<string>;
let connection: Connection;
let calls: { ask(what: string): Promise<string> };
let back: number;

beforeEach(() => {
  vi.useFakeTimers();
  back = 0;
  answer = () => Promise.resolve('here');
  connection = new Connection(() => calls.ask('again').then(undefined, () => undefined) as Promise<void>);
  calls = connection.watch({ ask: () => answer() });
  connection.back.connect(() => (back += 1));
});

afterEach(() => {
  connection.dispose();
  vi.useRealTimers();
});

test('a server that is away is tried again until it is back, which is told once', async () => {
  answer = () => Promise.reject(new ApiError('offline', ''));
  await expect(calls.ask('this')).rejects.toThrow();
  expect(connection.read().trouble).toBe('offline');
  await vi.advanceTimersByTimeAsync(20_000);
  expect(connection.read().trouble).toBe('offline');
  answer = () => Promise.resolve('here');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(connection.read().trouble).toBeNull();
  await calls.ask('that');
  expect(back).toBe(1);
});

test('what the server refuses is no trouble with it', async () => {
  answer = () => Promise.reject(new ApiError('not_found', 'There is none.'));
  await expect(calls.ask('this')).rejects.toThrow('There is none.');
  expect(connection.read().trouble).toBeNull();
});
