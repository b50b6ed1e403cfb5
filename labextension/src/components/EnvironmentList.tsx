import { notebookIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Environment } from '../api/client';
import type { KernelState } from '../model/environments';
import { placed } from '../model/environments';
import { hasEnded } from '../model/jobs';
import { useCondaEnv, useStore } from './context';
import { Alert, Button, IconButton, Loading, SearchField } from './controls';
import { useArrival } from './focus';
import { baseName, bytes } from './format';
import { JobProgress } from './JobProgress';
import { useRows } from './rows';

/** Jobs that change an environment, so that they are shown in its row. */
const CHANGING = ['create', 'stack', 'clone', 'change', 'apply', 'apply_deferred', 'rollback', 'remove'];

export function EnvironmentList(): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { environments, loaded, failure } = useStore(panel.environments);
  const { jobs } = useStore(panel.jobs);
  const { from } = useStore(panel);
  const [filter, setFilter] = React.useState('');
  const shown = React.useMemo(() => placed(environments, filter), [environments, filter]);
  const rows = useRows<HTMLUListElement>(shown.length);
  useArrival(from, () => {
    if (from?.at !== 'environment') {
      return newButton();
    }
    const left = shown.findIndex(one => one.environment.prefix === from.opened.prefix);
    return rows.container.ref.current?.querySelector(`[data-row="${left}"] button`) ?? null;
  });
  const working = new Map(
    jobs.filter(job => !hasEnded(job.state) && CHANGING.includes(job.verb)).map(job => [job.prefix, job])
  );
  const coming = [...working.values()].filter(job => !panel.environments.get(job.prefix));

  if (!loaded) {
    return <Loading />;
  }
  return (
    <>
      {failure && <Alert failure={failure} />}
      {environments.length > 0 && (
        <div className="jp-condaenv-bar-top">
          <SearchField label={trans.__('Filter environments')} value={filter} onChange={setFilter} />
        </div>
      )}
      {environments.length === 0 && coming.length === 0 && !failure && <Empty />}
      <ul className="jp-condaenv-list" aria-label={trans.__('Environments')} {...rows.container}>
        {coming.map(job => (
          <li key={job.id} className="jp-condaenv-row">
            <div className="jp-condaenv-row-head">
              <span className="jp-condaenv-dot jp-mod-none" />
              <span className="jp-condaenv-name">{baseName(job.prefix)}</span>
            </div>
            <JobProgress id={job.id} />
          </li>
        ))}
        {shown.map(({ environment, depth }, index) => (
          <Row
            key={environment.prefix}
            environment={environment}
            depth={depth}
            index={index}
            tabIndex={rows.tabIndex(index)}
            state={panel.environments.kernelState(environment)}
            size={panel.environments.size(environment.prefix)}
            job={working.get(environment.prefix)?.id}
          />
        ))}
      </ul>
      {environments.length > 0 && shown.length === 0 && (
        <p className="jp-condaenv-quiet">{trans.__('No environment has that in its name, path or tags.')}</p>
      )}
    </>
  );
}

/** The button for a new environment, which is JupyterLab's: it stands in the toolbar. */
function newButton(): HTMLElement | null {
  return document.querySelector('.jp-condaenv-panel [data-command="condaenv:create"]');
}

function Empty(): JSX.Element {
  const { panel, trans } = useCondaEnv();
  return (
    <div className="jp-condaenv-empty">
      <h3>{trans.__('No environments yet')}</h3>
      <p>{trans.__('An environment holds the packages of your choice, and is a kernel for your notebooks.')}</p>
      <Button accent onClick={() => panel.draft('create')}>
        {trans.__('New environment')}
      </Button>
    </div>
  );
}

/** It is drawn anew only when something in it is another: while a job runs, that is the case many times a second. */
const Row = React.memo(function Row(props: {
  environment: Environment;
  depth: number;
  index: number;
  tabIndex: number;
  state: KernelState;
  size?: number;
  /** That changes it. */
  job?: string;
}): JSX.Element {
  const { panel, trans, openNotebook } = useCondaEnv();
  const { environment, tabIndex, state, size } = props;
  const { name, prefix, problem } = environment;
  const told = `jp-condaenv-about-${props.index}`;
  return (
    <li
      data-row={props.index}
      className="jp-condaenv-row"
      style={{ '--jp-condaenv-depth': props.depth } as React.CSSProperties}
      title={prefix}
    >
      <div className="jp-condaenv-row-head">
        <KernelDot state={state} />
        <button
          type="button"
          className="jp-condaenv-name"
          tabIndex={tabIndex}
          aria-describedby={told}
          onClick={() => panel.show(prefix)}
        >
          {name || baseName(prefix)}
        </button>
        <span className="jp-condaenv-number">{size === undefined ? '' : bytes(size)}</span>
        {state !== 'none' && (
          <IconButton
            icon={notebookIcon}
            label={trans.__('Open notebook in %1', name || baseName(prefix))}
            tabIndex={tabIndex}
            onClick={() => openNotebook(environment)}
          />
        )}
      </div>
      {props.job ? (
        <JobProgress id={props.job} />
      ) : problem ? (
        <div id={told} className="jp-condaenv-problem">
          {problem}
        </div>
      ) : (
        <div id={told} className="jp-condaenv-about">
          <span>{about(environment, trans)}</span>
          <span className="jp-condaenv-path">
            <bdi>{prefix}</bdi>
          </span>
        </div>
      )}
    </li>
  );
});

/** `Python 3.12.4 · 45 packages · prod`. */
function about(environment: Environment, trans: ReturnType<typeof useCondaEnv>['trans']): string {
  const { python, base, packages = 0, notes } = environment;
  return [
    base ? trans.__('on %1', baseName(base)) : '',
    python ? trans.__('Python %1', python) : '',
    trans._n('%1 package', '%1 packages', packages),
    ...(notes?.tags ?? [])
  ]
    .filter(part => part)
    .join(' · ');
}

/** Whether there is a kernel, by shape and in words. */
export function KernelDot({ state }: { state: KernelState }): JSX.Element {
  const { trans } = useCondaEnv();
  const words = {
    running: trans.__('kernel running'),
    registered: trans.__('kernel registered'),
    none: trans.__('no kernel')
  }[state];
  return (
    <span className={`jp-condaenv-dot jp-mod-${state}`} title={words}>
      <span className="jp-condaenv-hidden">{words}</span>
    </span>
  );
}
