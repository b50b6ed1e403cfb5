import React from 'react';

import { hasEnded } from '../model/jobs';
import type { IJob } from '../model/jobs';
import { useCondaEnv, useStore } from './context';
import { titleOf } from './format';

/** Says to those who do not see the panel what is being done that was asked for here, and how each job has ended. */
export function Announcer(): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { jobs } = useStore(panel.jobs);
  const [text, setText] = React.useState('');
  const asked = jobs.find(job => !hasEnded(job.state) && panel.jobs.isOwn(job.id) && job.verb !== 'storage');
  const step = asked?.step ?? '';
  React.useEffect(() => {
    if (step) {
      setText(step);
    }
  }, [step]);
  React.useEffect(() => {
    const tell = (_: unknown, job: IJob): void => {
      const title = titleOf(job, trans);
      if (job.state === 'succeeded') {
        setText(trans.__('%1: done', title));
      } else if (hasEnded(job.state)) {
        setText(job.state === 'failed' ? trans.__('%1: failed', title) : trans.__('%1: cancelled', title));
      }
    };
    panel.jobs.ended.connect(tell);
    return () => {
      panel.jobs.ended.disconnect(tell);
    };
  }, [panel, trans]);
  return (
    <div role="status" className="jp-condaenv-hidden">
      {text}
    </div>
  );
}
