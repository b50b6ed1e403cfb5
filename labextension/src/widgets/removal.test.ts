import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, expect, test, vi } from 'vitest';

import type { Environment } from '../api/client';
import { Panel } from '../model/panel';
import { FakeJobs, summary } from '../testing';
import { remove } from './removal';

const trans = nullTranslator.load('');
const BASE: Environment = { name: 'base', prefix: '/envs/base' };
const OVER: Environment = { name: 'over', prefix: '/envs/over', base: '/envs/base' };
const MORE: Environment = { name: '', prefix: '/envs/more', base: '/envs/base' };

const deleted = vi.fn();
let panel: Panel;

async function ask(environment: Environment, ...others: Environment[]): Promise<HTMLElement> {
  const server = new FakeJobs();
  const api = {
    jobs: server.jobs,
    job: server.job,
    environments: () => Promise.resolve([environment, ...others]),
    storage: () => Promise.resolve(null),
    remove: (prefix: string) => {
      deleted(prefix);
      server.put(summary('a', { verb: 'remove' }));
      return Promise.resolve(summary('a', { verb: 'remove' }));
    }
  };
  panel = new Panel(api as unknown as Panel['api'], () => ({ defaultPackages: [], measureSizes: false }));
  await panel.environments.refresh();
  void remove(environment, panel, trans);
  return vi.waitUntil(() => document.querySelector<HTMLElement>('.jp-Dialog'));
}

function press(dialog: HTMLElement, label: string): void {
  const buttons = Array.from(dialog.querySelectorAll('button'));
  buttons.find(button => button.textContent === label)?.click();
}

afterEach(async () => {
  panel.dispose();
  deleted.mockReset();
  await vi.waitUntil(() => document.querySelector('.jp-Dialog') === null);
});

test('one that nothing stands on is deleted', async () => {
  const dialog = await ask(OVER, BASE);
  await vi.waitFor(() => expect(dialog.textContent).toContain('The environment at /envs/over'));
  press(dialog, 'Delete');
  await vi.waitFor(() => expect(deleted).toHaveBeenCalledWith('/envs/over'));
});

test.each([
  [[OVER], 'over stands on it, and would lose what is in it. Delete that one first.'],
  [[OVER, MORE], '2 environments stand on it, and would lose what is in it: over, more. Delete them first.']
])('one that others stand on is not, and they are named', async (overlays, words) => {
  const dialog = await ask(BASE, ...overlays);
  await vi.waitFor(() => expect(dialog.textContent).toContain(words));
  expect(Array.from(dialog.querySelectorAll('button'), button => button.textContent)).not.toContain('Delete');
  press(dialog, 'Close');
  expect(deleted).not.toHaveBeenCalled();
});
