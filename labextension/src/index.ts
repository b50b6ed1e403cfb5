import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { CommandToolbarButton, ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addIcon, refreshIcon } from '@jupyterlab/ui-components';

import { condaEnvIcon } from './icons';
import { showKernels } from './widgets/launcher';
import { CondaEnvPanel } from './widgets/panel';
import { EnvironmentStatus } from './widgets/status';

namespace CommandIDs {
  export const open = 'condaenv:open';
  export const create = 'condaenv:create';
  export const refresh = 'condaenv:refresh';
  export const notebook = 'condaenv:notebook';
}

const NO_ARGUMENTS = { type: 'object', properties: {} };

const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-condaenv:plugin',
  description: 'Conda environments in the side bar.',
  autoStart: true,
  optional: [ILauncher, ICommandPalette, ILayoutRestorer, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const { commands, shell } = app;
    const language = translator ?? nullTranslator;
    const trans = language.load('jupyter_condaenv');
    const side = new CondaEnvPanel(app, language, registry?.load(panel.id));

    commands.addCommand(CommandIDs.open, {
      label: trans.__('Conda Environments'),
      caption: trans.__('Show the conda environments'),
      describedBy: {
        args: {
          type: 'object',
          properties: { environment: { type: 'string', description: trans.__('The prefix of the one to show') } }
        }
      },
      icon: condaEnvIcon,
      execute: async args => {
        shell.activateById(side.id);
        const model = await side.load();
        if (args.environment) {
          model?.show(String(args.environment));
        }
      }
    });
    commands.addCommand(CommandIDs.create, {
      label: trans.__('New Conda Environment…'),
      caption: trans.__('New environment'),
      describedBy: { args: NO_ARGUMENTS },
      icon: addIcon,
      execute: async () => {
        shell.activateById(side.id);
        (await side.load())?.draft('create');
      }
    });
    commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh Conda Environments'),
      caption: trans.__('Refresh'),
      describedBy: { args: NO_ARGUMENTS },
      icon: refreshIcon,
      execute: async () => (await side.load())?.scan()
    });

    commands.addCommand(CommandIDs.notebook, {
      label: args => String(args.label ?? ''),
      caption: args => String(args.caption ?? ''),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            kernel: { type: 'string', description: trans.__('The kernel that it runs in') },
            label: { type: 'string', description: trans.__('What it is called where it is shown') },
            caption: { type: 'string', description: trans.__('What is said of it there') },
            cwd: { type: 'string', description: trans.__('The folder that it is made in') }
          }
        }
      },
      icon: condaEnvIcon,
      execute: ({ kernel, cwd }) =>
        commands.execute('notebook:create-new', { kernelName: kernel, cwd, isLauncher: true })
    });

    for (const [id, label] of [
      [CommandIDs.create, trans.__('New environment')],
      [CommandIDs.refresh, trans.__('Refresh')]
    ]) {
      side.toolbar.addItem(id, new CommandToolbarButton({ commands, id, label: '', caption: label }));
    }
    shell.add(side, 'left', { rank: 650, type: 'Conda environments' });
    restorer?.add(side, side.id);
    launcher?.add({ command: CommandIDs.open, rank: 20 });
    if (launcher) {
      showKernels(launcher, app.serviceManager.kernelspecs, CommandIDs.notebook, trans.__('Conda environments'));
    }
    for (const command of [CommandIDs.open, CommandIDs.create, CommandIDs.refresh]) {
      palette?.addItem({ command, category: trans.__('Conda') });
    }
  }
};

const status: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-condaenv:status',
  description: 'The environment of the present notebook in the status bar.',
  autoStart: true,
  optional: [INotebookTracker, IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker | null,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    if (!tracker || !statusBar) {
      return; // in Notebook, which has no such bar
    }
    const trans = (translator ?? nullTranslator).load('jupyter_condaenv');
    const open = (environment: string): void => void app.commands.execute(CommandIDs.open, { environment });
    const item = new EnvironmentStatus(tracker, app.serviceManager.kernelspecs, open, trans);
    statusBar.registerStatusItem(status.id, {
      item,
      align: 'left',
      rank: 3,
      isActive: () => item.prefix !== '' && app.shell.currentWidget === tracker.currentWidget,
      activeStateChanged: item.changed
    });
  }
};

export default [panel, status];
