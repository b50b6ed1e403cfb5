import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Environment } from '../api/client';
import { baseName } from '../components/format';
import type { Panel } from '../model/panel';

/** Ask, then delete; where others stand on it, say so instead. */
export async function remove(environment: Environment, panel: Panel, trans: TranslationBundle): Promise<void> {
  const name = environment.name || baseName(environment.prefix);
  const overlays = panel.environments.overlays(environment.prefix);
  if (overlays.length > 0) {
    const names = overlays.map(one => one.name || baseName(one.prefix)).join(', ');
    await showDialog({
      title: trans.__('%1 cannot be deleted yet', name),
      body: (
        <div className="jp-condaenv-dialog">
          <p>
            {trans._n(
              '%2 stands on it, and would lose what is in it. Delete that one first.',
              '%1 environments stand on it, and would lose what is in it: %2. Delete them first.',
              overlays.length,
              names
            )}
          </p>
        </div>
      ),
      buttons: [Dialog.cancelButton({ label: trans.__('Close') })]
    });
    return;
  }
  const users = panel.environments.users(environment);
  const { button } = await showDialog({
    title: trans.__('Delete %1?', name),
    body: (
      <div className="jp-condaenv-dialog">
        <p>
          {trans.__(
            'The environment at %1, with all that is in it, and its kernel are deleted. This cannot be undone.',
            environment.prefix
          )}
        </p>
        {users.length > 0 && (
          <p className="jp-condaenv-dialog-warning">
            {trans._n(
              '%1 kernel of it runs and loses its files: %2',
              '%1 kernels of it run and lose their files: %2',
              users.length,
              users.join(', ')
            )}
          </p>
        )}
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Delete'), ariaLabel: trans.__('Delete %1', name) })
    ],
    defaultButton: 0
  });
  if (button.accept) {
    await panel.remove(environment.prefix);
  }
}
