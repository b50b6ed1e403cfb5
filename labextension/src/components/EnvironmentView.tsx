import { caretLeftIcon, downloadIcon, notebookIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Environment, When } from '../api/client';
import { hasEnded } from '../model/jobs';
import type { Opened } from '../model/opened';
import { useCondaEnv, useStore } from './context';
import { Alert, Button } from './controls';
import { KernelDot } from './EnvironmentList';
import { baseName, bytes } from './format';
import { JobProgress } from './JobProgress';
import { OperationView } from './OperationView';

/** One environment: what it is, what is in it, and what can be done with it. */
export function EnvironmentView({ opened }: { opened: Opened }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { detail, failure } = useStore(opened);
  const { environments } = useStore(panel.environments);
  const { phase } = useStore(opened.operation);
  const listed = environments.find(one => one.prefix === opened.prefix);
  const environment = listed ?? detail?.environment;
  const back = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => back.current?.focus(), [opened]);
  const living = environment !== undefined && panel.environments.kernelState(environment) === 'running';
  const apply = async (when: When): Promise<void> => {
    const outcome = await opened.operation.apply(when);
    if (outcome?.state === 'succeeded') {
      opened.clear();
    }
  };
  return (
    <div className="jp-condaenv-environment">
      <div className="jp-condaenv-bar-top">
        <button ref={back} type="button" className="jp-condaenv-back" onClick={() => panel.showList()}>
          <caretLeftIcon.react tag="span" elementSize="normal" aria-hidden="true" />
          {trans.__('All environments')}
        </button>
      </div>
      {failure && <Alert failure={failure} />}
      {environment && <Heading environment={environment} opened={opened} />}
      <OperationView operation={opened.operation} living={living} onApply={when => void apply(when)} />
      {environment && phase !== 'planned' && <p />}
    </div>
  );
}

function Heading(props: { environment: Environment; opened: Opened }): JSX.Element {
  const { panel, trans, openNotebook, remove, saveLock } = useCondaEnv();
  const { environment } = props;
  const { jobs } = useStore(panel.jobs);
  const { job: own } = useStore(props.opened.operation);
  const size = panel.environments.size(environment.prefix);
  const state = panel.environments.kernelState(environment);
  const kernels = environment.kernels ?? [];
  const working = jobs.find(job => job.prefix === environment.prefix && !hasEnded(job.state) && job.id !== own);
  return (
    <header className="jp-condaenv-heading">
      <h2>
        <KernelDot state={state} />
        {environment.name || baseName(environment.prefix)}
      </h2>
      <dl className="jp-condaenv-facts">
        {environment.base && <Fact term={trans.__('Stands on')}>{environment.base}</Fact>}
        {environment.python && <Fact term={trans.__('Python')}>{environment.python}</Fact>}
        <Fact term={trans.__('Kernel')}>{kernels.join(', ') || trans.__('none: it has no ipykernel')}</Fact>
        {size !== undefined && <Fact term={trans.__('Size')}>{bytes(size)}</Fact>}
        <Fact term={trans.__('Place')}>{environment.prefix}</Fact>
      </dl>
      {environment.problem && <Alert failure={{ message: environment.problem }} />}
      {working && <JobProgress id={working.id} cancellable />}
      <div className="jp-condaenv-actions">
        {kernels.length > 0 && (
          <Button accent icon={notebookIcon} onClick={() => openNotebook(environment)}>
            {trans.__('Open notebook')}
          </Button>
        )}
        <Button onClick={() => panel.draft('stack', environment)}>{trans.__('Stack on it')}</Button>
        <Button onClick={() => panel.draft('clone', environment)}>{trans.__('Clone')}</Button>
        <Button icon={downloadIcon} onClick={() => saveLock(environment)}>
          {trans.__('Download lock')}
        </Button>
        <Button onClick={() => remove(environment)}>{trans.__('Delete')}</Button>
      </div>
    </header>
  );
}

function Fact(props: { term: string; children: React.ReactNode }): JSX.Element {
  return (
    <div>
      <dt>{props.term}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}
