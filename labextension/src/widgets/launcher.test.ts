import type { ILauncher } from '@jupyterlab/launcher';
import type { KernelSpec } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { expect, test } from 'vitest';

import { cardsOf, showKernels } from './launcher';

function spec(name: string, display_name: string, mark?: object): KernelSpec.ISpecModel {
  const metadata = mark ? { jupyter_condaenv: mark } : {};
  return { name, display_name, metadata, language: '', argv: [], resources: {} } as KernelSpec.ISpecModel;
}

function specsOf(...all: KernelSpec.ISpecModel[]): KernelSpec.ISpecModels {
  return { default: 'python3', kernelspecs: Object.fromEntries(all.map(one => [one.name, one])) };
}

test('cards are of kernels of ours, by environment', () => {
  const specs = specsOf(
    spec('python3', 'Python 3 (ipykernel)'),
    spec('condaenv-geo', 'Python 3.12 [geo]', { prefixes: ['/base', '/envs/geo'] }),
    spec('condaenv.ir-geo', 'R 4.2 [geo]', { prefixes: ['/envs/geo'], kernel: 'ir' }),
    spec('condaenv-b', 'Python 3.12 [b (~/miniforge3)]', { prefixes: ['/b'] }),
    spec('condaenv-c', 'Mine', { prefixes: ['/c'] })
  );
  expect(cardsOf(specs).map(({ kernel, label }) => [kernel, label])).toEqual([
    ['condaenv-geo', 'geo'],
    ['condaenv.ir-geo', 'geo: R 4.2'],
    ['condaenv-b', 'b (~/miniforge3)'],
    ['condaenv-c', 'Mine']
  ]);
  expect(cardsOf(specs)[0].caption).toBe('Python 3.12 [geo]\n/envs/geo');
  expect(cardsOf(null)).toEqual([]);
});

test('cards come and go with their kernels', () => {
  const shown = new Set<string>();
  const launcher = {
    add: ({ args }: ILauncher.IItemOptions) => {
      const label = String(args?.label);
      shown.add(label);
      return { dispose: () => shown.delete(label) };
    }
  } as unknown as ILauncher;
  const geo = spec('condaenv-geo', 'Python 3.12 [geo]', { prefixes: ['/envs/geo'] });
  const manager = { specs: specsOf(geo) } as unknown as KernelSpec.IManager & { specs: KernelSpec.ISpecModels };
  const changed = new Signal<KernelSpec.IManager, KernelSpec.ISpecModels>(manager);
  Object.assign(manager, { specsChanged: changed });
  showKernels(launcher, manager, 'open', 'Conda environments');
  expect([...shown]).toEqual(['geo']);
  manager.specs = specsOf(spec('condaenv-b', 'Python 3.12 [b]', { prefixes: ['/envs/b'] }));
  changed.emit(manager.specs);
  expect([...shown]).toEqual(['b']);
});
