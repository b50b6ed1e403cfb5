import React from 'react';

import type { Change, PipPart, Plan, When } from '../api/client';
import { useCondaEnv, useTrouble } from './context';
import { Button } from './controls';
import { useArrival } from './focus';
import { bytes } from './format';

interface IPlanView {
  plan: Plan;
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
  const { changes, download_bytes: download, pip } = props.plan;
  const [now, setNow] = React.useState(false);
  const blocked = useTrouble();
  const heading = useArrival<HTMLHeadingElement>(props.plan);
  const isAsked = (change: Change): boolean => props.asked?.has(nameIn(change)) ?? true;
  const wanted = changes.filter(isAsked);
  const others = changes.filter(change => !isAsked(change));
  const coming = changes.reduce((sum, change) => sum + (change.after?.size ?? 0), 0);
  const reasons = new Map(props.plan.unasked?.map(one => [one.name, one.because ?? '']));
  return (
    <section className="jp-condaenv-plan" aria-label={trans.__('Plan')}>
      <h3 ref={heading} tabIndex={-1}>
        {changes.length > 0 || (pip && !isEmpty(pip)) ? trans.__('What will change') : trans.__('Nothing would change')}
      </h3>
      {props.again && (
        <p role="status" className="jp-condaenv-notice">
          {trans.__('The environment has changed; this is the plan now.')}
        </p>
      )}
      <div className="jp-condaenv-plan-changes">
        <Changes label={props.asked ? trans.__('Asked for') : trans.__('Changes')} changes={wanted} reasons={reasons} />
        <Changes label={trans.__('Also changes')} changes={others} reasons={reasons} />
        {pip && !isEmpty(pip) && <ByPip pip={pip} asked={props.plan.lock.pip_specs ?? []} />}
      </div>
      <p className="jp-condaenv-sum">
        {[
          trans._n('%1 package', '%1 packages', changes.length),
          download > 0 ? trans.__('%1 to download', bytes(download)) : trans.__('nothing to download'),
          download < coming ? (download > 0 ? trans.__('the rest is cached') : trans.__('all is cached')) : ''
        ]
          .filter(part => part)
          .join(', ')}
      </p>
      {props.living && (
        <label className="jp-condaenv-check">
          <input type="checkbox" checked={now} onChange={event => setNow(event.target.checked)} />
          <span>{trans.__('Do it now, even if a kernel is running')}</span>
        </label>
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

/** Whether a plan has nothing to do with pip. */
function isEmpty({ changes, resolved, again, stranded }: PipPart): boolean {
  return Boolean(resolved) && [changes, again, stranded].every(one => !one?.length);
}

function nameIn(change: Change): string {
  return (change.after ?? change.before)?.name ?? '';
}

const SIGNS = { add: '+', remove: '−', upgrade: '↑', downgrade: '↓', rebuild: '↻', rechannel: '⇄' };

function Changes(props: {
  label: string;
  changes: readonly Change[];
  /** Why a package moves that nobody named. */
  reasons: ReadonlyMap<string, string>;
}): JSX.Element | null {
  const { trans } = useCondaEnv();
  if (props.changes.length === 0) {
    return null;
  }
  const words = {
    add: trans.__('added'),
    remove: trans.__('removed'),
    upgrade: trans.__('upgraded'),
    downgrade: trans.__('downgraded'),
    rebuild: trans.__('another build'),
    rechannel: trans.__('from another channel')
  };
  return (
    <>
      <h4>{props.label}</h4>
      <ul aria-label={props.label} className="jp-condaenv-changes">
        {props.changes.map(change => (
          <li key={nameIn(change)} className={`jp-mod-${change.kind}`} title={`${nameIn(change)} ${versions(change)}`}>
            <span className="jp-condaenv-sign" title={words[change.kind]}>
              <span aria-hidden="true">{SIGNS[change.kind]}</span>
              <span className="jp-condaenv-hidden">{words[change.kind]}</span>
            </span>
            <span className="jp-condaenv-package" title={props.reasons.get(nameIn(change))}>
              {nameIn(change)}
            </span>
            <span className="jp-condaenv-versions">{versions(change)}</span>
            <span className="jp-condaenv-number">{change.after?.size ? bytes(change.after.size) : ''}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What pip does; what it still has to find out when conda's packages are in place is named as it was asked for. */
function ByPip({ pip, asked }: { pip: PipPart; asked: readonly string[] }): JSX.Element {
  const { trans } = useCondaEnv();
  const label = trans.__('By pip');
  const { changes = [], resolved, again = [], stranded = [] } = pip;
  const rows = changes.map(({ name, before, after }) => ({
    sign: after ? (before ? '→' : SIGNS.add) : SIGNS.remove,
    name,
    versions: [before, after].filter(one => one).join(' → ')
  }));
  return (
    <>
      <h4>{label}</h4>
      <ul aria-label={label} className="jp-condaenv-changes">
        {rows.map(({ sign, name, versions }) => (
          <li key={name} title={`${name} ${versions}`}>
            <span className="jp-condaenv-sign">{sign}</span>
            <span className="jp-condaenv-package">{name}</span>
            <span className="jp-condaenv-versions">{versions}</span>
          </li>
        ))}
      </ul>
      {!resolved && asked.length > 0 && (
        <p className="jp-condaenv-quiet">
          {trans.__(
            'Asked for: %1. What that needs pip finds out when conda’s packages are in place.',
            asked.join(', ')
          )}
        </p>
      )}
      {again.length > 0 && (
        <p className="jp-condaenv-quiet">{trans.__('Installed anew for the other Python: %1', again.join(', '))}</p>
      )}
      {stranded.length > 0 && (
        <p className="jp-condaenv-notice">
          {trans.__('Left behind by the other Python, ask for it again: %1', stranded.join(', '))}
        </p>
      )}
    </>
  );
}

function versions({ before, after }: Change): string {
  if (!before || !after) {
    return (after ?? before)?.version ?? '';
  }
  if (before.channel !== after.channel) {
    return `${before.version} → ${after.version} (${after.channel.split('/').pop()})`;
  }
  return before.version === after.version
    ? `${before.version} ${before.build} → ${after.build}`
    : `${before.version} → ${after.version}`;
}
