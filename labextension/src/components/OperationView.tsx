import React from 'react';

import type { When } from '../api/client';
import { askedFor } from '../model/opened';
import type { Operation } from '../model/operation';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Alert, Button } from './controls';
import { ExplanationView } from './ExplanationView';
import type { ITaker } from './ExplanationView';
import { useArrival, useReturn } from './focus';
import { JobProgress } from './JobProgress';
import { PlanView } from './PlanView';

/** What becomes of an operation: how far it is, its plan, or why it failed. */
export function OperationView(props: {
  operation: Operation;
  taker: ITaker;
  living: boolean;
  onApply(when: When): Promise<void>;
}): JSX.Element | null {
  const { trans } = useCondaEnv();
  const { phase, job, plan, told, asked, failure, again, explaining, explanation } = useStore(props.operation);
  const waits = useTrouble();
  useReturn(phase !== 'idle');
  const working = useArrival<HTMLDivElement>(phase === 'planning' || phase === 'applying' ? phase : null);
  const failed = useArrival<HTMLDivElement>(phase === 'idle' ? failure : null);
  if (phase === 'planned' && plan) {
    return (
      <PlanView
        plan={plan}
        told={told}
        asked={askedFor(asked)}
        again={again}
        living={props.living}
        onApply={props.onApply}
        onBack={() => props.operation.reset()}
      />
    );
  }
  if (phase !== 'idle') {
    return (
      <div
        ref={working}
        role="group"
        tabIndex={-1}
        data-home
        aria-label={phase === 'planning' ? trans.__('Making the plan') : trans.__('Applying')}
        className="jp-condaenv-operation"
      >
        {job ? <JobProgress id={job} cancellable /> : waits ? trans.__('Waiting for the server') : trans.__('Starting')}
      </div>
    );
  }
  if (!failure) {
    return null;
  }
  return (
    <div ref={failed} tabIndex={-1} data-home className="jp-condaenv-failed">
      {failure.code === 'cancelled' ? (
        <p role="status" className="jp-condaenv-notice">
          {failure.message}
        </p>
      ) : (
        <Alert failure={failure}>
          {props.operation.isExplainable && !explaining && !explanation && (
            <Button blocked={waits} onClick={() => props.operation.explain()}>
              {trans.__('Explain')}
            </Button>
          )}
          {explaining && <JobProgress id={explaining} cancellable />}
        </Alert>
      )}
      {explanation && <ExplanationView explanation={explanation} taker={props.taker} />}
    </div>
  );
}
