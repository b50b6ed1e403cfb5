import React from 'react';

import type { When } from '../api/client';
import { askedFor } from '../model/opened';
import type { Operation } from '../model/operation';
import { useCondaEnv, useStore } from './context';
import { Alert, Button } from './controls';
import { ExplanationView } from './ExplanationView';
import type { ITaker } from './ExplanationView';
import { JobProgress } from './JobProgress';
import { PlanView } from './PlanView';

/** What becomes of an operation: how far it is, its plan, or why it failed. */
export function OperationView(props: {
  operation: Operation;
  taker: ITaker;
  living: boolean;
  onApply(when: When): void;
}): JSX.Element | null {
  const { trans } = useCondaEnv();
  const { phase, job, plan, asked, failure, again, explaining, explanation } = useStore(props.operation);
  if (phase === 'planned' && plan) {
    return (
      <PlanView
        plan={plan}
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
      <div role="status" className="jp-condaenv-operation">
        {job ? <JobProgress id={job} cancellable /> : trans.__('Starting')}
      </div>
    );
  }
  if (failure?.code === 'cancelled') {
    return (
      <p role="status" className="jp-condaenv-notice">
        {failure.message}
      </p>
    );
  }
  if (!failure) {
    return null;
  }
  return (
    <>
      <Alert failure={failure}>
        {props.operation.isExplainable && !explaining && !explanation && (
          <Button onClick={() => void props.operation.explain()}>{trans.__('Explain')}</Button>
        )}
        {explaining && <JobProgress id={explaining} cancellable />}
      </Alert>
      {explanation && <ExplanationView explanation={explanation} taker={props.taker} />}
    </>
  );
}
