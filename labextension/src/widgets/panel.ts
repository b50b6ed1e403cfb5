import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ITranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
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

  /** What is behind it; null where it cannot be loaded, which is said in its place. */
  load(): Promise<Panel | null> {
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

  /** A panel that could not be loaded is loaded when it is wanted next. */
  private async _load(): Promise<Panel | null> {
    const trans = this._translator.load('jupyter_condaenv');
    this._say(trans.__('Loading…'));
    try {
      return await this._fill();
    } catch (error) {
      console.error(error);
      this._loaded = null;
      this._say(
        trans.__('The panel could not be loaded. Is the server there? Where it is, load the page anew.'),
        trans.__('Try again')
      );
      return null;
    }
  }

  private async _fill(): Promise<Panel> {
    const [settings, { fill }] = await Promise.all([this._settings, import('./body')]);
    this._said?.dispose();
    return fill(this, this._app, this._translator.load('jupyter_condaenv'), () => ({
      ...DEFAULTS,
      ...(settings?.composite as Partial<ISettings>)
    }));
  }

  /** Say it where else the panel would be, with a button that loads that. */
  private _say(text: string, again = ''): void {
    this._said?.dispose();
    const said = (this._said = new Widget());
    said.addClass('jp-condaenv-said');
    const words = document.createElement('div');
    words.setAttribute('role', again ? 'alert' : 'status');
    words.textContent = text;
    said.node.append(words);
    if (again) {
      const button = document.createElement('button');
      button.className = 'jp-condaenv-button';
      button.textContent = again;
      button.onclick = () => void this.load();
      said.node.append(button);
    }
    said.title.label = this.title.caption;
    this.addWidget(said);
  }

  private _said: Widget | null = null;
  private _loaded: Promise<Panel | null> | null = null;
}
