import { ReactWidget } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { KernelSpec } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import React from 'react';

import { condaEnvIcon } from '../icons';

/** The prefix of the environment that a kernel of ours runs in; empty for other kernels. */
export function prefixOf(spec: KernelSpec.ISpecModel | null | undefined): string {
  const mark = spec?.metadata?.jupyter_condaenv as { prefixes?: unknown } | undefined;
  const prefixes = Array.isArray(mark?.prefixes) ? mark.prefixes : [];
  return String(prefixes[prefixes.length - 1] ?? '');
}

/** Which environment the kernel of the present notebook runs in; pressed, it opens that environment. */
export class EnvironmentStatus extends ReactWidget {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _specs: KernelSpec.IManager,
    private readonly _open: (prefix: string) => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-condaenv-status');
    _tracker.currentChanged.connect(this._follow, this);
    _specs.specsChanged.connect(this._show, this);
    this._follow();
  }

  /** It may be another environment, or none. */
  readonly changed = new Signal<this, void>(this);

  /** The prefix of that environment; empty where it is none of ours. */
  get prefix(): string {
    const name = this._notebook?.sessionContext.session?.kernel?.name ?? '';
    return prefixOf(this._specs.specs?.kernelspecs[name]);
  }

  dispose(): void {
    this._specs.specsChanged.disconnect(this._show, this);
    this._tracker.currentChanged.disconnect(this._follow, this);
    super.dispose();
  }

  protected render(): JSX.Element | null {
    const { prefix } = this;
    if (!prefix) {
      return null;
    }
    const name = prefix.split('/').pop() ?? prefix;
    return (
      <button
        type="button"
        className="jp-condaenv-status-button"
        aria-label={this._trans.__('Conda environment %1', name)}
        title={this._trans.__('The kernel runs in %1', prefix)}
        onClick={() => this._open(prefix)}
      >
        <condaEnvIcon.react tag="span" elementSize="normal" aria-hidden="true" />
        {name}
      </button>
    );
  }

  private _follow(): void {
    this._notebook?.sessionContext.kernelChanged.disconnect(this._show, this);
    this._notebook = this._tracker.currentWidget;
    this._notebook?.sessionContext.kernelChanged.connect(this._show, this);
    this._show();
  }

  private _show(): void {
    this.update();
    this.changed.emit();
  }

  private _notebook: NotebookPanel | null = null;
}
