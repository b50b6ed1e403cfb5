import { expect, test } from 'vitest';

import { ApiError } from '../api/client';
import type { Api } from '../api/client';
import { Panel } from './panel';

function panelOf(answers: Partial<Api>): Panel {
  return new Panel(answers as Api, () => ({ defaultPackages: [], measureSizes: false }));
}

test('what a button has asked for, and the server refuses, is told; that it is away is known', async () => {
  const refuse = (code: string) => () => Promise.reject(new ApiError(code, ''));
  const panel = panelOf({ lock: refuse('server_error'), cancel: refuse('not_found') });
  const refused: string[] = [];
  panel.refused.connect((_, failure) => refused.push(failure.code));
  expect(await panel.lock('/envs/geo')).toBeNull();
  await panel.cancel('a');
  expect(refused).toEqual(['server_error', 'not_found']);
  const away = panelOf({ lock: refuse('offline') });
  away.refused.connect((_, failure) => refused.push(failure.code));
  expect(await away.lock('/envs/geo')).toBeNull();
  expect(refused).toHaveLength(2);
  expect(away.connection.read().trouble).toBe('offline');
  panel.dispose();
  away.dispose();
});
