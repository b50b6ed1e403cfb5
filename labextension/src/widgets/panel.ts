import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ITranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { AccordionPanel } from '@lumino/widgets';

import { condaEnvIcon } from '../icons';
import type { ISettings, Panel } from '../model/panel';

/** Where JupyterLab keeps no settings. */
const DEFAULTS: ISettings = { defaultPackages: ['python', 'ipykernel'], measureSizes: true };

/** The panel in the side bar: empty until it is first opened, since what is in it is loaded then. */
export class CondaEnvPanel extends SidePanel {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _translator: ITranslator,
    private readonly _settings: Promise<ISettingRegistry.ISettings> | undefined
  ) {
    super({ translator: _translator });
    const trans = _translator.load('jupyter_condaenv');
    this.id = 'jupyter-condaenv';
    this.addClass('jp-condaenv-panel');
    this.title.icon = condaEnvIcon;
    this.title.caption = trans.__('Conda environments');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Conda environments'));
  }

  /** What is behind it. */
  load(): Promise<Panel> {
    this._loaded ??= this._load();
    return this._loaded;
  }

  setRelativeSizes(sizes: number[]): void {
    (this.content as AccordionPanel).setRelativeSizes(sizes);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.load();
  }

  private async _load(): Promise<Panel> {
    const [settings, { fill }] = await Promise.all([this._settings, import('./body')]);
    return fill(this, this._app, this._translator.load('jupyter_condaenv'), () => ({
      ...DEFAULTS,
      ...(settings?.composite as Partial<ISettings>)
    }));
  }

  private _loaded: Promise<Panel> | null = null;
}
