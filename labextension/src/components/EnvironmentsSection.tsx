import React from 'react';

import { useCondaEnv, useStore } from './context';
import { DraftForm } from './DraftForm';
import { EnvironmentList } from './EnvironmentList';
import { EnvironmentView } from './EnvironmentView';

/** The list of environments, or what was chosen from it. */
export function EnvironmentsSection(): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { view } = useStore(panel);
  const { offline } = useStore(panel.environments);
  return (
    <div className="jp-condaenv">
      {offline && (
        <div role="alert" className="jp-condaenv-offline">
          {trans.__('The server cannot be reached. Trying again…')}
        </div>
      )}
      {view.at === 'list' && <EnvironmentList />}
      {view.at === 'draft' && <DraftForm draft={view.draft} />}
      {view.at === 'environment' && <EnvironmentView key={view.opened.prefix} opened={view.opened} />}
    </div>
  );
}
