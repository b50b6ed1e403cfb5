// @vitest-environment jsdom
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import { afterEach, expect, test, vi } from 'vitest';

import type { Explanation, Plan, Schemas } from '../api/client';
import type { IProgress } from '../model/jobs';
import { Opened } from '../model/opened';
import { Panel } from '../model/panel';
import { FakeJobs, numbered, outcome, refusal, summary } from '../testing';
import { Context } from './context';
import { Alert, Button } from './controls';
import { EnvironmentList } from './EnvironmentList';
import { EnvironmentsSection } from './EnvironmentsSection';
import { EnvironmentView } from './EnvironmentView';
import { ExplanationView } from './ExplanationView';
import { amount, notElsewhere, titleOf } from './format';
import { HealthView } from './HealthView';
import { statesOf } from './History';
import { JobList } from './JobList';
import { PlanView } from './PlanView';

afterEach(cleanup);

const trans = nullTranslator.load('');

function panelOf(server: FakeJobs, environments: Schemas['Environment'][] = [], answers: object = {}): Panel {
  const api = {
    jobs: server.jobs,
    job: server.job,
    cancel: server.cancel,
    environments: () => Promise.resolve(environments),
    storage: () => Promise.resolve(null),
    measure: () => Promise.reject(new Error('sizes are not to be measured here')),
    search: () => Promise.resolve({ packages: [], total: 0, indexes: [], missing: [] }),
    ...answers
  };
  return new Panel(api as unknown as Panel['api'], () => ({ defaultPackages: [], measureSizes: false }));
}

test('what is to be changed stays as it is while a plan of it is made', async () => {
  const server = new FakeJobs();
  const panel = panelOf(server, [{ name: 'geo', prefix: '/envs/geo' }], {
    environment: () => Promise.resolve({ specs: [], environment: { name: 'geo', prefix: '/envs/geo' } }),
    packages: () => Promise.resolve({ packages: [], pip: [] }),
    revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
    health: () => Promise.resolve(null),
    makePlan: () => {
      server.put(summary('a', { verb: 'plan' }));
      return Promise.resolve(summary('a', { verb: 'plan' }));
    }
  });
  await panel.environments.refresh();
  panel.show('/envs/geo');
  const { view } = panel.read();
  if (view.at !== 'environment') {
    throw new Error('an environment is shown');
  }
  view.opened.toggle('remove', 'numpy');
  show(panel, <EnvironmentView opened={view.opened} />);
  const chip = screen.getByRole('button', { name: 'Leave out numpy' });
  expect(chip.matches(':disabled')).toBe(false);
  fireEvent.click(screen.getByRole('button', { name: 'Show plan' }));
  expect(chip.matches(':disabled')).toBe(true);
  panel.dispose();
});

/** The result shows something else in the same place. */
function show(panel: Panel, content: JSX.Element): (content: JSX.Element) => void {
  const context = { panel, trans, openNotebook: vi.fn(), openTerminal: vi.fn(), remove: vi.fn(), saveLock: vi.fn() };
  const page = (shown: JSX.Element): JSX.Element => <Context.Provider value={context}>{shown}</Context.Provider>;
  const { rerender } = render(page(content));
  return next => rerender(page(next));
}

function pack(name: string, version: string): Schemas['Package'] {
  return { name, version, build: '0', subdir: 'noarch', url: '', channel: 'here', file_name: '' };
}

function planOf(...changes: Schemas['Change'][]): Plan {
  const lock = { platform: 'linux-64', channels: [], specs: [], packages: [] };
  return { prefix: '/envs/geo', verb: 'change', before: '', lock, changes, download_bytes: 2_000_000 };
}

test('a plan shows what was asked for apart from what comes with it', () => {
  const plan = planOf(
    { kind: 'add', after: pack('pandas', '3.0') },
    { kind: 'upgrade', before: pack('numpy', '1.0'), after: pack('numpy', '2.0') }
  );
  const onApply = vi.fn();
  show(
    panelOf(new FakeJobs()),
    <PlanView
      plan={plan}
      told={[]}
      asked={new Set(['pandas'])}
      again={false}
      living
      onApply={onApply}
      onBack={vi.fn()}
    />
  );
  expect(within(screen.getByRole('list', { name: 'Asked for' })).getByText('pandas')).toBeTruthy();
  expect(within(screen.getByRole('list', { name: 'Also changes' })).getByText('1.0 → 2.0')).toBeTruthy();
  expect(screen.getByText('2 packages, 2.0 MB to download')).toBeTruthy();
  expect(screen.getByText('A kernel is running: it is done when one is started and no other one runs.')).toBeTruthy();
  fireEvent.click(screen.getByRole('checkbox'));
  fireEvent.click(screen.getByRole('button', { name: 'Apply' }));
  expect(onApply).toHaveBeenCalledWith('now');
});

test('what only comes waits for no kernel', () => {
  const plan = planOf({ kind: 'add', after: pack('pandas', '3.0') });
  const props = { told: [], asked: null, again: false, living: true, onApply: vi.fn(), onBack: vi.fn() };
  show(panelOf(new FakeJobs()), <PlanView plan={plan} {...props} />);
  expect(screen.queryByRole('checkbox')).toBeNull();
});

test('a plan shows what pip does, and what pip still has to find out', () => {
  const pip: Schemas['PipPart'] = {
    changes: [
      { name: 'attrs', after: '25.1' },
      { name: 'rich', before: '13.0', after: '14.0' }
    ],
    resolved: true
  };
  const props = { told: [], asked: null, again: false, living: false, onApply: vi.fn(), onBack: vi.fn() };
  show(panelOf(new FakeJobs()), <PlanView plan={{ ...planOf(), pip }} {...props} />);
  expect(screen.getByRole('heading', { name: 'What will change' })).toBeTruthy();
  const rows = within(screen.getByRole('list', { name: 'By pip' })).getAllByRole('listitem');
  expect(rows.map(row => row.textContent)).toEqual(['+attrs25.1', '→rich13.0 → 14.0']);
  cleanup();
  const lock = { ...planOf().lock, pip_specs: ['rich >=14'] };
  show(panelOf(new FakeJobs()), <PlanView plan={{ ...planOf(), lock, pip: { resolved: false } }} {...props} />);
  expect(screen.getByText(/^Asked for: rich >=14\./)).toBeTruthy();
});

test.each([
  [3_000_000, 0, '3.0 MB to download'],
  [1_000_000, 0, '1.0 MB to download, the rest is cached'],
  [0, 0, 'nothing to download, all is cached'],
  [3_000_000, 20_000, '3.0 MB to download, 20 kB to download for pip'],
  [0, 20_000, 'all is cached, 20 kB to download for pip']
])('of 3 MB that come, %d bytes are to be downloaded, and %d for pip', (download, ofPip, words) => {
  const plan = planOf({ kind: 'add', after: { ...pack('pandas', '3.0'), size: 3_000_000 } });
  show(
    panelOf(new FakeJobs()),
    <PlanView
      plan={{ ...plan, download_bytes: download, pip: { download_bytes: ofPip } }}
      told={[]}
      asked={null}
      again={false}
      living={false}
      onApply={vi.fn()}
      onBack={vi.fn()}
    />
  );
  expect(screen.getByText(`1 package, ${words}`)).toBeTruthy();
});

test.each([
  [{ bytes: 3_000_000 }, '3.0 MB more on the disk'],
  [{ bytes: 0, unknown: 1, freed: 12_000 }, 'At least 0 B more on the disk; 12 kB freed at once'],
  [
    { bytes: 4_096, held: 80_000_000 },
    '4.1 kB more on the disk; 80 MB freed by “jupyter condaenv clean” once no environment needs it'
  ]
])('a plan says what room it takes and gives back: %j', (room, words) => {
  const plan = { ...planOf({ kind: 'add', after: pack('pandas', '3.0') }), room: { inodes: 1, shared: 0, ...room } };
  const props = { told: [], asked: null, again: false, living: false, onApply: vi.fn(), onBack: vi.fn() };
  show(panelOf(new FakeJobs()), <PlanView plan={plan} {...props} />);
  expect(screen.getByText(words)).toBeTruthy();
});

test('of a lock it is said why others cannot use it as it is', () => {
  const { lock } = planOf();
  const here = { ...pack('tool', '1.0'), url: 'file:///channel/noarch/tool-1.0-0.conda', channel: 'file:///channel' };
  const base = { prefix: '/envs/base', digest: '', packages: [] };
  expect(notElsewhere({ ...lock, packages: [pack('tool', '1.0')] }, trans)).toBe('');
  expect(notElsewhere({ ...lock, packages: [here, here], base }, trans)).toBe(
    'Packages of this lock come from folders of this machine: file:///channel. ' +
      'It stands on /envs/base, which it does not hold: it can be used where that is.'
  );
});

test('a plan shows what was told while it was made', () => {
  const told = ['applying it leaves these variables as they are: TOKEN'];
  const props = { told, asked: null, again: false, living: false, onApply: vi.fn(), onBack: vi.fn() };
  show(panelOf(new FakeJobs()), <PlanView plan={planOf()} {...props} />);
  expect(screen.getByText(told[0])).toBeTruthy();
});

test('what was told twice of a plan is not left behind with the next one', () => {
  const props = { plan: planOf(), asked: null, again: true, living: false, onApply: vi.fn(), onBack: vi.fn() };
  const showNext = show(panelOf(new FakeJobs()), <PlanView {...props} told={['Left out: TOKEN', 'Left out: TOKEN']} />);
  expect(screen.getAllByText('Left out: TOKEN')).toHaveLength(2);
  showNext(<PlanView {...props} told={['Left out: KEY']} />);
  expect(screen.getByText('Left out: KEY')).toBeTruthy();
  expect(screen.queryByText('Left out: TOKEN')).toBeNull();
});

test('environments are told by name, kernel and place; the arrow keys move among them', async () => {
  const panel = panelOf(new FakeJobs(), [
    { name: 'base', prefix: '/envs/base', kernels: ['condaenv-base'], python: '3.12.1', packages: 45 },
    { name: 'mine', prefix: '/envs/mine', base: '/envs/base', problem: 'Its base is gone.' }
  ]);
  panel.environments.setLiving([['condaenv-base', 'a.ipynb']]);
  await panel.environments.refresh();
  show(panel, <EnvironmentList />);
  const base = screen.getByRole('button', { name: 'base' });
  expect(screen.getByText('kernel running')).toBeTruthy();
  expect(screen.getByText('Python 3.12.1 · 45 packages')).toBeTruthy();
  expect(screen.getByText('Its base is gone.')).toBeTruthy();
  base.focus();
  fireEvent.keyDown(base, { key: 'ArrowDown' });
  const mine = screen.getByRole('button', { name: 'mine' });
  await vi.waitFor(() => expect(document.activeElement).toBe(mine));
  expect([base.tabIndex, mine.tabIndex]).toEqual([-1, 0]);
});

test('while a job runs, rows of other environments are not drawn again', async () => {
  const server = new FakeJobs();
  const panel = panelOf(server, [{ name: 'base', prefix: '/envs/base', packages: 3 }]);
  await panel.environments.refresh();
  show(panel, <EnvironmentList />);
  const drawn = vi.spyOn(trans, '_n');
  server.put(summary('a', { prefix: '/envs/coming' }));
  panel.jobs.add(summary('a', { prefix: '/envs/coming' }));
  await screen.findByText('coming');
  expect(drawn).not.toHaveBeenCalled();
  drawn.mockRestore();
  panel.dispose();
});

test('a job that failed says why and what to do; plans that failed are said elsewhere', async () => {
  const failure = { code: 'channel_error', message: 'The channel is away.', hint: 'Try later.', details: {} };
  const server = new FakeJobs();
  server.put(summary('a', { state: 'failed' }), [], outcome('failed', { failure }));
  server.put(summary('b', { state: 'failed', verb: 'plan' }), [], outcome('failed', { failure }));
  const panel = panelOf(server);
  await panel.jobs.refresh();
  show(panel, <JobList />);
  expect(await screen.findByText('The channel is away.')).toBeTruthy();
  expect(screen.getByText('Try later.')).toBeTruthy();
  expect(screen.getAllByRole('listitem')).toHaveLength(1);
});

test('of several jobs that failed the last says why at once, others where their log is', async () => {
  const server = new FakeJobs();
  const failed = (id: string, message: string): void => {
    const failure = { code: 'refused', message, hint: '', details: {} };
    server.put(summary(id, { state: 'failed', prefix: `/envs/${id}` }), [], outcome('failed', { failure }));
  };
  failed('old', 'The old one.');
  failed('new', 'The new one.');
  const panel = panelOf(server);
  await panel.jobs.refresh();
  show(panel, <JobList />);
  expect(await screen.findByText('The new one.')).toBeTruthy();
  expect(screen.queryByText('The old one.')).toBeNull();
  expect(server.asked.map(([id]) => id)).toEqual(['new']);
  fireEvent.click(screen.getByRole('button', { name: 'Log: Create old' }));
  expect(await screen.findByText('The old one.')).toBeTruthy();
});

test.each([
  ['create', 'Create geo'],
  ['stack', 'Stack geo'],
  ['rollback', 'Roll back geo'],
  ['remove', 'Change geo'],
  ['', 'Change geo']
])('a job that applies a plan (%j) says what it does', (planned, title) => {
  expect(titleOf(summary('a', { verb: 'apply', planned }), trans)).toBe(title);
});

test('a change says what was asked for', () => {
  expect(titleOf(summary('a', { verb: 'add', words: 'add numpy' }), trans)).toBe('Change geo: add numpy');
});

test.each([
  [{ item: '', done: 12_000_000, total: 40_000_000, unit: 'bytes' }, '12 MB of 40 MB'],
  [{ item: '', done: 12, total: 44, unit: 'packages' }, '12 of 44 packages'],
  [{ item: '', done: 1, total: 1, unit: 'files' }, '1 of 1 file'],
  [{ item: '', done: 9, total: 0, unit: 'seconds' }, '9 seconds'],
  [{ item: '', done: 0, total: 0, unit: 'files' }, '']
] as [IProgress, string][])('how far a job is has a unit', (progress, words) => {
  expect(amount(progress, trans)).toBe(words);
});

test('a command in what went wrong is shown as one', () => {
  const failure = { message: 'It is stale.', hint: 'Mend it by `doctor geo --fix`, or leave it.' };
  show(panelOf(new FakeJobs()), <Alert failure={failure} />);
  expect(screen.getByText('doctor geo --fix').tagName).toBe('CODE');
  expect(screen.getByRole('alert').textContent).toContain('Mend it by doctor geo --fix, or leave it.');
});

test('a job that runs shows its step and can be cancelled', async () => {
  const server = new FakeJobs();
  server.put(summary('a'), [
    { number: 1, time: '2026-01-01T00:00:00Z', event: { event: 'step', phase: 'download', text: 'Fetching packages' } },
    {
      number: 2,
      time: '2026-01-01T00:00:00Z',
      event: { event: 'progress', phase: 'download', done: 12_000_000, total: 40_000_000, unit: 'bytes' }
    }
  ]);
  const cancel = vi.spyOn(server, 'cancel');
  const panel = panelOf(server);
  await panel.jobs.refresh();
  show(panel, <JobList />);
  expect(await screen.findByText('12 MB of 40 MB')).toBeTruthy();
  const bar = screen.getByRole('progressbar', { name: 'Fetching packages' }) as HTMLProgressElement;
  expect([bar.value, bar.max]).toEqual([12_000_000, 40_000_000]);
  fireEvent.click(screen.getByRole('button', { name: 'Cancel: Create geo' }));
  expect(cancel).toHaveBeenCalledWith('a');
  panel.dispose();
});

test('of what can live together a form for an environment of its own is begun', () => {
  const panel = panelOf(new FakeJobs());
  const group = (...specs: string[]): Schemas['Group'] => ({ specs, packages: 1 });
  const explanation = { possible: false, groups: [group('old', 'python =3.9'), group('extra')] };
  show(
    panel,
    <ExplanationView explanation={explanation as Explanation} taker={{ canTake: () => false, take: vi.fn() }} />
  );
  fireEvent.click(screen.getByRole('button', { name: 'New environment: old, python =3.9' }));
  const { view } = panel.read();
  expect(view.at === 'draft' && view.draft.read().specs).toEqual(['old', 'python =3.9']);
  panel.dispose();
});

test('a double click asks once, until there is an answer', async () => {
  let answer: (value: null) => void = vi.fn();
  const asked = vi.fn(() => new Promise(resolve => (answer = resolve)));
  show(panelOf(new FakeJobs()), <Button onClick={asked}>Fetch</Button>);
  const button = screen.getByRole('button', { name: 'Fetch' });
  fireEvent.click(button);
  fireEvent.click(button);
  expect(asked).toHaveBeenCalledTimes(1);
  answer(null);
  await vi.waitFor(() => {
    fireEvent.click(button);
    expect(asked).toHaveBeenCalledTimes(2);
  });
});

test('how long ago a job ended grows while one looks on', async () => {
  vi.useFakeTimers();
  const server = new FakeJobs();
  server.put(summary('a', { created: new Date().toISOString() }), [], outcome('succeeded'));
  const panel = panelOf(server);
  await panel.jobs.refresh();
  show(panel, <JobList />);
  expect(screen.getByText('done · just now')).toBeTruthy();
  await act(() => vi.advanceTimersByTimeAsync(180_000));
  expect(screen.getByText('done · 3 minutes ago')).toBeTruthy();
  panel.dispose();
  vi.useRealTimers();
});

test('of a job whose change waits for a kernel it is not said that it is done', async () => {
  const server = new FakeJobs();
  const result = { result: 'deferred' as const, plan: planOf(), kernels: [12] };
  server.put(summary('a', { verb: 'rollback' }), [], outcome('succeeded', { result }));
  const panel = panelOf(server);
  await panel.jobs.refresh();
  await panel.jobs.readOn('a');
  show(panel, <JobList />);
  expect(screen.getByText(/^waits for a kernel ·/)).toBeTruthy();
  panel.dispose();
});

test('of jobs that only look those are listed that go on', async () => {
  const server = new FakeJobs();
  server.put(summary('a', { verb: 'plan', prefix: '/envs/a' }), [], outcome('succeeded'));
  server.put(summary('b', { verb: 'plan', prefix: '/envs/b' }));
  const panel = panelOf(server);
  await panel.jobs.refresh();
  show(panel, <JobList />);
  expect(screen.getAllByRole('listitem').map(row => row.textContent)).toEqual([expect.stringContaining('Plan for b')]);
  panel.dispose();
});

test('a folder that is dropped is refused in words, and a file makes a form', async () => {
  const panel = panelOf(new FakeJobs(), [], { readFile: () => new Promise(() => undefined) });
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  const drop = (file: Partial<File>): void => {
    const here = screen.queryByRole('form') ?? screen.getByText('No environments yet');
    fireEvent.drop(here, { dataTransfer: { files: [file], types: ['Files'] } });
  };
  drop({ name: 'folder', size: 4096, text: () => Promise.reject(new Error('it is a folder')) });
  await screen.findByText('folder cannot be read.');
  drop({ name: 'environment.yml', size: 10, text: () => Promise.resolve('name: geo') });
  await screen.findByText('environment.yml');
  panel.dispose();
});

test('one of several environments of a file can be chosen, and the file is read for it', async () => {
  const asked: object[] = [];
  const read = { format: 'pixi', name: 'geo', channels: [], packages: 1, pip: 0, notes: [] };
  const panel = panelOf(new FakeJobs(), [], {
    readFile: (file: object) => {
      asked.push(file);
      return Promise.resolve({ ...read, environments: ['default', 'gpu'] });
    }
  });
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  const here = screen.getByText('No environments yet');
  fireEvent.drop(here, {
    dataTransfer: { files: [{ name: 'pixi.toml', size: 10, text: () => Promise.resolve('text') }], types: ['Files'] }
  });
  const choice: HTMLSelectElement = await screen.findByRole('combobox', { name: 'Environment of the file' });
  expect([choice.value, choice.options.length]).toEqual(['default', 2]);
  fireEvent.change(choice, { target: { value: 'gpu' } });
  await screen.findByText(/Taken for a manifest of pixi/);
  expect(choice.isConnected && choice.value).toBe('gpu');
  expect(asked).toEqual([
    { name: 'pixi.toml', text: 'text' },
    { name: 'pixi.toml', text: 'text', environment: 'gpu' }
  ]);
  panel.dispose();
});

test('a notebook that is too large is told what makes it so', async () => {
  const panel = panelOf(new FakeJobs());
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  fireEvent.drop(screen.getByText('No environments yet'), {
    dataTransfer: { files: [{ name: 'book.ipynb', size: 9 * 1024 * 1024 }], types: ['Files'] }
  });
  await screen.findByText(/clear the outputs of all cells/);
  panel.dispose();
});

test('what was typed is there again when the form is opened anew, unless it was given up', async () => {
  const panel = panelOf(new FakeJobs());
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  const name = (): HTMLInputElement => screen.getByRole('textbox', { name: 'Name' });
  const open = (): void => act(() => void panel.draft('create'));
  open();
  fireEvent.change(name(), { target: { value: 'geo' } });
  fireEvent.keyDown(name(), { key: 'Escape' });
  expect(screen.queryByRole('form')).toBeNull();
  open();
  expect(name().value).toBe('geo');
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  open();
  expect(name().value).toBe('');
  panel.dispose();
});

test('keys that compose a character are not ours', async () => {
  const panel = panelOf(new FakeJobs());
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  act(() => void panel.draft('create'));
  const name = screen.getByRole('textbox', { name: 'Name' });
  fireEvent.keyDown(name, { key: 'Escape', isComposing: true });
  expect(screen.getByRole('form')).toBeTruthy();
  panel.dispose();
});

test('an environment without a kernel says so, and offers the plan that makes it one', async () => {
  const server = new FakeJobs();
  const makePlan = vi.fn(() => {
    server.put(summary('a', { verb: 'plan' }));
    return Promise.resolve(summary('a', { verb: 'plan' }));
  });
  const panel = panelOf(
    server,
    [
      { name: 'bare', prefix: '/envs/bare' },
      { name: 'geo', prefix: '/envs/geo', kernels: ['condaenv-geo'] },
      { name: 'ill', prefix: '/envs/ill', problem: 'Its Python is missing.' }
    ],
    {
      environment: () => Promise.resolve({ specs: [] }),
      packages: () => Promise.resolve({ packages: [], pip: [] }),
      revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
      health: () => Promise.resolve(null),
      makePlan
    }
  );
  await panel.environments.refresh();
  for (const prefix of ['/envs/geo', '/envs/ill', '/envs/bare']) {
    cleanup();
    panel.show(prefix);
    show(panel, <EnvironmentsSection />);
    expect(screen.queryAllByRole('button', { name: 'Add ipykernel' })).toHaveLength(prefix === '/envs/bare' ? 1 : 0);
  }
  fireEvent.click(screen.getByRole('button', { name: 'Add ipykernel' }));
  expect(makePlan).toHaveBeenCalledWith({ verb: 'change', environment: '/envs/bare', add: ['ipykernel'] });
  expect(screen.queryByRole('button', { name: 'Add ipykernel' })).toBeNull();
  panel.dispose();
});

/** A panel with an environment whose change waits, as `deferred` tells it. */
function waitingPanel(server: FakeJobs, deferred: () => Promise<Plan>): { panel: Panel; dropDeferred: () => unknown } {
  const geo = { name: 'geo', prefix: '/envs/geo', kernels: ['condaenv-geo'] };
  const dropDeferred = vi.fn(() => {
    server.put(summary('b', { verb: 'drop_deferred' }));
    return Promise.resolve(summary('b', { verb: 'drop_deferred' }));
  });
  const panel = panelOf(server, [geo], {
    environment: () => Promise.resolve({ specs: [], environment: geo, deferred: true }),
    packages: () => Promise.resolve({ packages: [], pip: [] }),
    revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
    health: () => Promise.resolve(null),
    deferred,
    dropDeferred
  });
  return { panel, dropDeferred };
}

test('a change that waits says what it is and for whom it waits, and can be given up', async () => {
  const server = new FakeJobs();
  const plan = planOf({ kind: 'remove', before: pack('tool', '1.0') });
  const { panel, dropDeferred } = waitingPanel(server, () => Promise.resolve({ ...plan, words: 'remove tool' }));
  const result = { result: 'deferred' as const, plan, kernels: [12, 34] };
  server.put(summary('a', { verb: 'apply' }), [], outcome('succeeded', { result }));
  await panel.environments.refresh();
  panel.show('/envs/geo');
  show(panel, <EnvironmentsSection />);
  await screen.findByText('Waiting: remove tool');
  await screen.findByText('When it was last tried, there ran: processes 12, 34');
  const apply = screen.getByRole('button', { name: 'Apply it now' });
  expect(apply.getAttribute('aria-disabled')).toBeNull();
  act(() => panel.environments.setLiving([['condaenv-geo', 'a.ipynb']]));
  expect(screen.getByText('Running now: a.ipynb')).toBeTruthy();
  expect(apply.getAttribute('aria-disabled')).toBe('true');
  fireEvent.click(screen.getByRole('button', { name: 'Give it up' }));
  await screen.findByRole('button', { name: 'Cancel: Give up change of geo' });
  expect(dropDeferred).toHaveBeenCalledWith('/envs/geo');
  expect(screen.queryByText('Waiting: remove tool')).toBeNull();
  panel.dispose();
});

test('a change that waits and cannot be read can be given up', async () => {
  const told = 'The change of geo that waits cannot be read.';
  const { panel, dropDeferred } = waitingPanel(new FakeJobs(), () => Promise.reject(refusal('broken', told)));
  await panel.environments.refresh();
  panel.show('/envs/geo');
  show(panel, <EnvironmentsSection />);
  await screen.findByText(told);
  expect(screen.queryByRole('button', { name: 'Apply it now' })).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Give it up' }));
  await screen.findByRole('button', { name: 'Cancel: Give up change of geo' });
  expect(dropDeferred).toHaveBeenCalledWith('/envs/geo');
  panel.dispose();
});

test('a plan that only sets variables changes something', () => {
  const props = { told: [], asked: null, again: false, living: false, onApply: vi.fn(), onBack: vi.fn() };
  const plan = { ...planOf(), variables: [{ name: 'MODE', value: 'dry' }], unset: ['LEVEL'] };
  show(panelOf(new FakeJobs()), <PlanView plan={plan} {...props} />);
  expect(screen.getByRole('heading', { name: 'What will change' })).toBeTruthy();
  const rows = within(screen.getByRole('list', { name: 'Variables' })).getAllByRole('listitem');
  expect(rows.map(row => row.textContent)).toEqual(['=MODEdry', '−LEVEL']);
});

function revision(number: number, ...specs: string[]): Schemas['RevisionSummary'] {
  return { number, time: '2026-01-01T00:00:00Z', author: '', verb: 'change', specs, digest: '' };
}

test('a state that cannot be read stands among the others, which are compared past it', () => {
  const [first, third] = [revision(1, 'tool'), revision(3, 'tool', 'extra')];
  expect(statesOf([first, third], [2, 4])).toEqual([
    { number: 4, revision: null },
    { number: 3, revision: third, before: first },
    { number: 2, revision: null },
    { number: 1, revision: first, before: undefined }
  ]);
});

test('what is wrong is told by how bad it is, with what repairing does and did', async () => {
  const server = new FakeJobs();
  const finding = (code: string, more: object): object => ({ code, text: `${code}.`, hint: 'Do it.', ...more });
  let health: object | null = null;
  const examine = vi.fn(() => {
    server.put(summary('b', { verb: 'doctor' }));
    return Promise.resolve(summary('b', { verb: 'doctor' }));
  });
  const panel = panelOf(server, [], {
    environment: () => Promise.resolve({ specs: [] }),
    packages: () => Promise.resolve({ packages: [], pip: [] }),
    revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
    health: () => Promise.resolve(health),
    examine
  });
  const log = numbered({ event: 'message', level: 'warning', text: 'No channel has the package of old.' });
  server.put(summary('a', { verb: 'doctor' }), log, outcome('succeeded'));
  const opened = new Opened('/envs/geo', panel.api, panel.jobs);
  await opened.refresh();
  show(panel, <HealthView opened={opened} />);
  expect(screen.queryByRole('button', { name: 'Repair' })).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Check' }));
  expect(examine).toHaveBeenLastCalledWith('/envs/geo', false);
  await vi.waitFor(() => expect(screen.getByRole('button', { name: 'Check' }).ariaDisabled).toBe('true'));
  server.put(summary('b', { verb: 'doctor' }), [], outcome('succeeded'));
  await panel.jobs.readOn('b');
  health = {
    prefix: '/envs/geo',
    time: '2026-01-01T00:00:00Z',
    findings: [
      finding('missing_files', { fixable: true, paths: ['share/tool'] }),
      finding('mixed_channels', { severity: 'advice' })
    ],
    fixed: [finding('drift', {})]
  };
  await act(() => opened.refresh());
  const rows = (name: string): (string | null)[] =>
    Array.from(screen.getByRole('list', { name }).children, row => row.textContent);
  expect(rows('Damaged')).toEqual(['missing_files.Repair does this: Do it.Whereshare/tool']);
  expect(rows('Could be better')).toEqual(['mixed_channels.Do it.']);
  expect(rows('Repaired')).toEqual(['drift.Do it.']);
  expect(screen.getByText(/^2 findings, of which 1 can be repaired\./)).toBeTruthy();
  await act(() => panel.jobs.refresh());
  fireEvent.click(screen.getByRole('button', { name: 'Repair' }));
  expect(examine).toHaveBeenLastCalledWith('/envs/geo', true);
  panel.dispose();
});

test('notes are written in a form that says why they could not be, and an environment that stays is not deleted', async () => {
  const server = new FakeJobs();
  const geo = { name: 'geo', prefix: '/envs/geo', notes: { protected: true, tags: ['prod'], note: 'Ask Ada.' } };
  const annotate = vi.fn(() => {
    const failure = { code: 'refused', message: 'It stays protected.', hint: '', details: {} };
    server.put(summary('a', { verb: 'annotate' }), [], outcome('failed', { failure }));
    return Promise.resolve(summary('a', { verb: 'annotate' }));
  });
  const panel = panelOf(server, [geo], {
    environment: () => Promise.resolve({ specs: [], environment: geo }),
    packages: () => Promise.resolve({ packages: [], pip: [] }),
    revisions: () => Promise.resolve({ revisions: [], damaged: [] }),
    health: () => Promise.resolve(null),
    annotate
  });
  await panel.environments.refresh();
  panel.show('/envs/geo');
  show(panel, <EnvironmentsSection />);
  expect(screen.getByText('Ask Ada.')).toBeTruthy();
  expect(screen.getByRole('button', { name: /^Delete/ }).ariaDisabled).toBe('true');
  fireEvent.click(screen.getByRole('button', { name: 'Notes and protection' }));
  const form = within(screen.getByRole('form', { name: 'Notes and protection' }));
  fireEvent.click(form.getByRole('checkbox', { name: /^Protected/ }));
  fireEvent.click(form.getByRole('button', { name: 'Save' }));
  await form.findByText('It stays protected.');
  expect(annotate).toHaveBeenCalledWith('/envs/geo', { protected: false });
  fireEvent.keyDown(form.getByRole('textbox', { name: 'Tags' }), { key: 'Escape' });
  expect(screen.queryByRole('form')).toBeNull();
  expect(screen.getByRole('heading', { name: /geo/ })).toBeTruthy();
  panel.dispose();
});

function choose(spec: string): void {
  const find = screen.getByRole('searchbox', { name: 'Find packages' });
  fireEvent.change(find, { target: { value: spec } });
  fireEvent.keyDown(find, { key: 'Enter' });
}

test('what is typed can be had by pip, in a new environment too, and is asked of pip alone', async () => {
  const created: object[] = [];
  const panel = panelOf(new FakeJobs(), [], {
    create: (body: object) => {
      created.push(body);
      return new Promise(() => undefined);
    }
  });
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  act(() => void panel.draft('create'));
  fireEvent.change(screen.getByRole('textbox', { name: 'Name' }), { target: { value: 'geo' } });
  const find = screen.getByRole('searchbox', { name: 'Find packages' });
  fireEvent.change(find, { target: { value: 'python' } });
  fireEvent.keyDown(find, { key: 'Enter' });
  fireEvent.change(find, { target: { value: 'rich >=13,<15' } });
  fireEvent.click(screen.getByRole('button', { name: 'Add rich >=13,<15 by pip' }));
  const chosen = within(screen.getByRole('list', { name: 'Packages to install' })).getAllByRole('listitem');
  expect(chosen.map(chip => chip.textContent)).toEqual(['python×', 'pip: rich >=13,<15×']);
  fireEvent.click(screen.getByRole('button', { name: 'Create' }));
  expect(created).toEqual([{ name: 'geo', specs: ['python'], pip: ['rich >=13,<15'] }]);
  panel.dispose();
});

test('a package that no channel has is told as soon as it is chosen, and can be asked for all the same', async () => {
  const created: object[] = [];
  const asked: string[] = [];
  const panel = panelOf(new FakeJobs(), [], {
    search: (name: string) => {
      asked.push(name);
      const packages = name === 'python' ? [{ name }] : [];
      return Promise.resolve({ packages, total: packages.length, indexes: [], missing: [] });
    },
    create: (body: object) => {
      created.push(body);
      return new Promise(() => undefined);
    }
  });
  await panel.environments.refresh();
  show(panel, <EnvironmentsSection />);
  act(() => void panel.draft('create'));
  fireEvent.change(screen.getByRole('textbox', { name: 'Name' }), { target: { value: 'geo' } });
  ['python', 'nosuchpkg >=2', 'elsewhere::other'].forEach(choose);
  await screen.findByText(/^No channel has nosuchpkg\./);
  expect(asked).not.toContain('other');
  fireEvent.click(screen.getByRole('button', { name: 'Create' }));
  expect(created).toEqual([{ name: 'geo', specs: ['python', 'nosuchpkg >=2', 'elsewhere::other'], pip: [] }]);
  panel.dispose();
});

test('a package of which the channel is named is not told to be in none', async () => {
  const panel = panelOf(new FakeJobs());
  show(panel, <EnvironmentsSection />);
  act(() => void panel.draft('create'));
  choose('foo');
  await screen.findByText(/^No channel has foo\./);
  choose('elsewhere::foo');
  const chosen = within(screen.getByRole('list', { name: 'Packages to install' })).getAllByRole('listitem');
  expect(chosen.map(chip => chip.textContent)).toEqual(['elsewhere::foo×']);
  expect(screen.queryByText(/^No channel has foo\./)).toBeNull();
  panel.dispose();
});

test('many packages that are pasted are looked for one after the other, until the form is closed', async () => {
  const asked: string[] = [];
  let answer = (): void => undefined;
  const panel = panelOf(new FakeJobs(), [], {
    search: (name: string) => {
      const found = { packages: [], total: 0, indexes: [], missing: [] };
      if (!name) {
        return Promise.resolve(found);
      }
      asked.push(name);
      return new Promise(resolve => (answer = () => resolve(found)));
    }
  });
  show(panel, <EnvironmentsSection />);
  await act(async () => panel.draft('create'));
  const names = Array.from({ length: 200 }, (_, index) => `pkg${index}`);
  fireEvent.paste(screen.getByRole('searchbox', { name: 'Find packages' }), {
    clipboardData: { getData: () => names.join('\n') }
  });
  expect(asked).toEqual(['pkg0']);
  await act(async () => answer());
  expect(asked).toEqual(['pkg0', 'pkg1']);
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  await act(async () => answer());
  expect(asked).toEqual(['pkg0', 'pkg1']);
  panel.dispose();
});
