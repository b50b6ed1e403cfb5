import React from 'react';

import type { Environment, Plan } from '../api/client';
import type { Opened } from '../model/opened';
import { useCondaEnv, useLastEnded, useStore, useTrouble } from './context';
import { Alert, Button } from './controls';
import { PlanChanges } from './PlanChanges';

/** The change that waits for the next start of a kernel: what it is, what it waits for, and how to have it now or never. */
export function Waiting(props: { environment: Environment; opened: Opened }): JSX.Element | null {
  const { panel, trans } = useCondaEnv();
  const blocked = useTrouble();
  const { environment } = props;
  const { deferred, unreadable } = useStore(props.opened);
  if (!deferred && !unreadable) {
    return null;
  }
  const users = panel.environments.users(environment);
  return (
    <div className="jp-condaenv-notice" role="status">
      {deferred && <Said environment={environment} deferred={deferred} users={users} />}
      {unreadable && <Alert failure={unreadable} past />}
      <div className="jp-condaenv-actions">
        {deferred && (
          <Button blocked={blocked || users.length > 0} onClick={() => panel.applyDeferred(environment.prefix)}>
            {trans.__('Apply it now')}
          </Button>
        )}
        <Button blocked={blocked} onClick={() => panel.dropDeferred(environment.prefix)}>
          {trans.__('Give it up')}
        </Button>
      </div>
    </div>
  );
}

function Said(props: { environment: Environment; deferred: Plan; users: readonly string[] }): JSX.Element {
  const { trans } = useCondaEnv();
  const { deferred, users } = props;
  const result = useLastEnded(props.environment.prefix)?.outcome?.result;
  const processes = result?.result === 'deferred' ? result.kernels : [];
  return (
    <>
      <h3>{trans.__('Waiting: %1', deferred.words || deferred.verb)}</h3>
      <div>{trans.__('It is done when a kernel of this environment is started and no other one runs.')}</div>
      {users.length > 0 ? (
        <div>{trans.__('Running now: %1', users.join(', '))}</div>
      ) : (
        processes.length > 0 && (
          <div>{trans.__('When it was last tried, there ran: %1', processesIn(processes, trans))}</div>
        )
      )}
      <details>
        <summary>{trans.__('What it changes')}</summary>
        <PlanChanges plan={deferred} asked={null} />
      </details>
    </>
  );
}

function processesIn(kernels: readonly number[], trans: ReturnType<typeof useCondaEnv>['trans']): string {
  return trans._n('process %2', 'processes %2', kernels.length, kernels.join(', '));
}
