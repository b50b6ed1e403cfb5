import React from 'react';

import { Banner } from './Banner';
import { useCondaEnv, useStore } from './context';
import { DraftForm } from './DraftForm';
import { EnvironmentList } from './EnvironmentList';
import { EnvironmentView } from './EnvironmentView';
import { useDrop } from './FileField';

/** The list of environments, or what was chosen from it. */
export function EnvironmentsSection(): JSX.Element {
  const { panel } = useCondaEnv();
  const { view } = useStore(panel);
  const drop = useDrop(view.at === 'list' ? () => panel.draft('create') : null);
  return (
    <div className={`jp-condaenv ${drop.over ? 'jp-mod-drop' : ''}`} {...drop.target}>
      <Banner />
      {view.at === 'list' && <EnvironmentList />}
      {view.at === 'draft' && <DraftForm draft={view.draft} />}
      {view.at === 'environment' && <EnvironmentView key={view.opened.prefix} opened={view.opened} />}
    </div>
  );
}
