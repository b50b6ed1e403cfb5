import React from 'react';

import type { Plan, When } from '../api/client';
import { useCondaEnv, useTrouble } from './context';
import { Button } from './controls';
import { useArrival } from './focus';
import { bytes, roomOf } from './format';
import { changesNothing, PlanChanges, replaces } from './PlanChanges';

interface IPlanView {
  plan: Plan;
  /** What was told while it was made. */
  told: readonly string[];
  /** The names of the packages that were asked for; null where none was in particular. */
  asked: ReadonlySet<string> | null;
  /** This plan took the place of one that was no longer true. */
  again: boolean;
  /** A kernel of the environment runs. */
  living: boolean;
  onApply(when: When): Promise<void>;
  onBack(): void;
}

/** What would change: what was asked for first, then what comes with it. */
export function PlanView(props: IPlanView): JSX.Element {
  const { trans } = useCondaEnv();
  const { changes, download_bytes: download, pip, room } = props.plan;
  const ofPip = pip?.download_bytes ?? 0;
  const [now, setNow] = React.useState(false);
  const blocked = useTrouble();
  const heading = useArrival<HTMLHeadingElement>(props.plan);
  const coming = changes.reduce((sum, change) => sum + (change.after?.size ?? 0), 0);
  return (
    <section className="jp-condaenv-plan" aria-label={trans.__('Plan')}>
      <h3 ref={heading} tabIndex={-1}>
        {changesNothing(props.plan) ? trans.__('Nothing would change') : trans.__('What will change')}
      </h3>
      {props.again && (
        <p role="status" className="jp-condaenv-notice">
          {trans.__('The environment has changed; this is the plan now.')}
        </p>
      )}
      <div className="jp-condaenv-plan-changes">
        {props.told.map((text, index) => (
          <p key={index} className="jp-condaenv-notice">
            {text}
          </p>
        ))}
        <PlanChanges plan={props.plan} asked={props.asked} />
      </div>
      <p className="jp-condaenv-sum">
        {[
          trans._n('%1 package', '%1 packages', changes.length),
          download > 0 ? trans.__('%1 to download', bytes(download)) : ofPip ? '' : trans.__('nothing to download'),
          download < coming ? (download > 0 ? trans.__('the rest is cached') : trans.__('all is cached')) : '',
          ofPip > 0 ? trans.__('%1 to download for pip', bytes(ofPip)) : ''
        ]
          .filter(part => part)
          .join(', ')}
      </p>
      {room && changes.length > 0 && <p className="jp-condaenv-sum">{roomOf(room, trans)}</p>}
      {props.living && replaces(props.plan) && (
        <>
          <p className="jp-condaenv-sum">
            {trans.__('A kernel is running: it is done when one is started and no other one runs.')}
          </p>
          <label className="jp-condaenv-check">
            <input type="checkbox" checked={now} onChange={event => setNow(event.target.checked)} />
            <span>{trans.__('Do it now, even if a kernel is running')}</span>
          </label>
        </>
      )}
      <div className="jp-condaenv-actions">
        <Button accent blocked={blocked} onClick={() => props.onApply(now ? 'now' : 'next_start')}>
          {trans.__('Apply')}
        </Button>
        <Button onClick={props.onBack}>{trans.__('Back')}</Button>
      </div>
    </section>
  );
}
