import type { ILauncher } from '@jupyterlab/launcher';
import type { KernelSpec } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';

import { prefixOf } from './status';

/** What the launcher says of a kernel of ours. */
export interface ICard {
  kernel: string;
  label: string;
  caption: string;
}

/** Of each kernel of ours, its environment first, so that what one environment has stands together. */
export function cardsOf(specs: KernelSpec.ISpecModels | null): ICard[] {
  return Object.values(specs?.kernelspecs ?? {}).flatMap(spec => {
    const prefix = prefixOf(spec);
    return spec && prefix
      ? [{ kernel: spec.name, label: labelOf(spec), caption: `${spec.display_name}\n${prefix}` }]
      : [];
  });
}

/** `geo` of `Python 3.12 [geo]`, and `geo: R` of another kernel beside it; a name that somebody has chosen as it is. */
function labelOf(spec: KernelSpec.ISpecModel): string {
  const { kernel } = spec.metadata?.jupyter_condaenv as { kernel?: string };
  const [, shown, environment] = /^(.*) \[(.*)\]$/.exec(spec.display_name) ?? [];
  return environment ? (kernel ? `${environment}: ${shown}` : environment) : spec.display_name;
}

/** Have `launcher` show the kernels of environments in a group of their own, as they come and go. */
export function showKernels(launcher: ILauncher, specs: KernelSpec.IManager, command: string, category: string): void {
  let shown: IDisposable[] = [];
  const show = (): void => {
    shown.forEach(card => card.dispose());
    // Below the notebooks, which are JupyterLab's.
    shown = cardsOf(specs.specs).map(card => launcher.add({ command, args: { ...card }, category, categoryRank: 10 }));
  };
  specs.specsChanged.connect(show);
  show();
}
