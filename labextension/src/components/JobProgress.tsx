import React from 'react';

import { hasEnded } from '../model/jobs';
import type { IJob } from '../model/jobs';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Button } from './controls';
import { amount, titleOf } from './format';

/** How far a job is; nothing where it is not known or has ended. */
export function JobProgress(props: { id: string; cancellable?: boolean }): JSX.Element | null {
  const { panel, trans } = useCondaEnv();
  const { jobs } = useStore(panel.jobs);
  const blocked = useTrouble();
  const job = jobs.find(one => one.id === props.id);
  if (!job || hasEnded(job.state)) {
    return null;
  }
  return (
    <div className="jp-condaenv-progress">
      <Bar job={job} />
      {props.cancellable && (
        <Button
          blocked={blocked}
          aria-label={trans.__('Cancel: %1', titleOf(job, trans))}
          onClick={() => panel.cancel(job.id)}
        >
          {trans.__('Cancel')}
        </Button>
      )}
    </div>
  );
}

/** What the job does just now. */
export function Bar({ job }: { job: IJob }): JSX.Element {
  const { trans } = useCondaEnv();
  const step = job.step || (job.state === 'queued' ? trans.__('Waiting for its turn') : trans.__('Starting'));
  const { progress } = job;
  return (
    <div className="jp-condaenv-bar">
      <div className="jp-condaenv-bar-text">
        <span>
          {step}
          {progress?.item ? ` · ${progress.item}` : ''}
        </span>
        <span className="jp-condaenv-number">{progress && amount(progress, trans)}</span>
      </div>
      <progress
        aria-label={step}
        {...(progress && progress.total > 0
          ? { max: progress.total, value: Math.min(progress.done, progress.total) }
          : {})}
      />
    </div>
  );
}
