import { caretDownIcon, caretRightIcon, stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { hasEnded, isOfInterest } from '../model/jobs';
import type { IJob, State } from '../model/jobs';
import type { Operation } from '../model/operation';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Alert, IconButton, useMinute } from './controls';
import { ago, titleOf } from './format';
import { Bar } from './JobProgress';
import { Log } from './Log';

const NOTHING = (): (() => void) => () => undefined;

/** The jobs whose failure is told where they were asked for, and so not here as well. */
function useTold(): readonly string[] {
  const { panel } = useCondaEnv();
  const { view } = useStore(panel);
  const noting = view.at === 'environment' ? view.opened.noting : null;
  const operation =
    view.at === 'draft' ? view.draft.operation : view.at === 'environment' ? view.opened.operation : null;
  return [useFailed(operation), useFailed(noting)];
}

function useFailed(operation: Operation | null): string {
  return React.useSyncExternalStore(operation?.subscribe ?? NOTHING, () => operation?.read().failed ?? '');
}

export function JobList(): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const told = useTold();
  const { jobs, loaded } = useStore(panel.jobs);
  const shown = jobs.filter(isOfInterest);
  const latest = shown.find(job => hasEnded(job.state));
  if (shown.length === 0) {
    return (
      <p className="jp-condaenv-quiet">{loaded ? trans.__('What is done to environments is listed here.') : ''}</p>
    );
  }
  return (
    <ul className="jp-condaenv-jobs" aria-label={trans.__('Jobs')}>
      {shown.map(job => (
        <JobRow key={job.id} job={job} latest={job === latest} told={told.includes(job.id)} />
      ))}
    </ul>
  );
}

const JobRow = React.memo(function JobRow(props: {
  job: IJob;
  /** It is the last one that has ended: why it failed is said at once, of others where their log is. */
  latest: boolean;
  told: boolean;
}): JSX.Element {
  const { job, latest, told } = props;
  const { panel, trans } = useCondaEnv();
  const blocked = useTrouble();
  const now = useMinute();
  const [open, setOpen] = React.useState(false);
  const ended = hasEnded(job.state);
  const wanted = open || (latest && job.state === 'failed');
  React.useEffect(() => {
    if (wanted && ended && !job.outcome) {
      void panel.jobs.readOn(job.id);
    }
  }, [panel, wanted, ended, job.outcome, job.id]);
  const title = titleOf(job, trans);
  const failure = wanted && job.state === 'failed' && !told ? job.outcome?.failure : null;
  const log = `jp-condaenv-log-${job.id}`;
  return (
    <li className={`jp-condaenv-job jp-mod-${job.state}`}>
      <div className="jp-condaenv-job-head">
        <IconButton
          icon={open ? caretDownIcon : caretRightIcon}
          label={trans.__('Log: %1', title)}
          aria-expanded={open}
          aria-controls={log}
          onClick={() => setOpen(!open)}
        />
        <span className="jp-condaenv-job-title" title={job.prefix}>
          {title}
        </span>
        <span className="jp-condaenv-job-state">
          {job.outcome?.result?.result === 'deferred' ? trans.__('waits for a kernel') : word(job.state, trans)}
          {ended && ` · ${ago(job.outcome?.time ?? job.created, now, trans)}`}
        </span>
        {!ended && (
          <IconButton
            icon={stopIcon}
            label={trans.__('Cancel: %1', title)}
            blocked={blocked}
            onClick={() => panel.cancel(job.id)}
          />
        )}
      </div>
      {!ended && <Bar job={job} />}
      {failure && <Alert failure={failure} past />}
      <div id={log} hidden={!open}>
        {open && <Log job={job} />}
      </div>
    </li>
  );
});

function word(state: State, trans: ReturnType<typeof useCondaEnv>['trans']): string {
  switch (state) {
    case 'queued':
      return trans.__('queued');
    case 'running':
      return trans.__('running');
    case 'succeeded':
      return trans.__('done');
    case 'failed':
      return trans.__('failed');
    case 'cancelled':
      return trans.__('cancelled');
  }
}
