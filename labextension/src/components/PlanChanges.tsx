import React from 'react';

import type { Change, PipPart, Plan } from '../api/client';
import { useCondaEnv } from './context';
import { bytes } from './format';

/** What a plan does: what was `asked` for by name first, then what comes with it. */
export function PlanChanges(props: {
  plan: Plan;
  /** null where no package in particular was. */
  asked: ReadonlySet<string> | null;
}): JSX.Element {
  const { trans } = useCondaEnv();
  const { changes, pip, lock, unasked } = props.plan;
  const isAsked = (change: Change): boolean => props.asked?.has(nameIn(change)) ?? true;
  const reasons = new Map(unasked?.map(one => [one.name, one.because ?? '']));
  return (
    <>
      <Changes
        label={props.asked ? trans.__('Asked for') : trans.__('Changes')}
        changes={changes.filter(isAsked)}
        reasons={reasons}
      />
      <Changes
        label={trans.__('Also changes')}
        changes={changes.filter(change => !isAsked(change))}
        reasons={reasons}
      />
      {pip && !isEmpty(pip) && <ByPip pip={pip} asked={lock.pip_specs ?? []} />}
      <Variables plan={props.plan} />
    </>
  );
}

export function changesNothing({ changes, pip, variables = [], unset = [] }: Plan): boolean {
  return changes.length + variables.length + unset.length === 0 && (!pip || isEmpty(pip));
}

/** Whether something that is there goes or moves, for which running kernels are waited for. */
export function replaces({ changes, pip }: Plan): boolean {
  return [...changes, ...(pip?.changes ?? [])].some(change => change.before);
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
  const { changes = [], resolved, again = [], stranded = [] } = pip;
  const rows = changes.map(({ name, before, after }) => ({
    sign: after ? (before ? '→' : SIGNS.add) : SIGNS.remove,
    name,
    what: [before, after].filter(one => one).join(' → ')
  }));
  return (
    <>
      <Rows label={trans.__('By pip')} rows={rows} />
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

/** What is set, or no longer, wherever the environment is active. */
function Variables({ plan }: { plan: Plan }): JSX.Element | null {
  const { trans } = useCondaEnv();
  const { variables = [], unset = [] } = plan;
  const rows = [
    ...variables.map(({ name, value }) => ({ sign: '=', name, what: value })),
    ...unset.map(name => ({ sign: SIGNS.remove, name, what: '' }))
  ];
  return rows.length === 0 ? null : <Rows label={trans.__('Variables')} rows={rows} />;
}

/** A line for each of what is no package of conda's. */
function Rows(props: { label: string; rows: readonly { sign: string; name: string; what: string }[] }): JSX.Element {
  return (
    <>
      <h4>{props.label}</h4>
      <ul aria-label={props.label} className="jp-condaenv-changes">
        {props.rows.map(({ sign, name, what }) => (
          <li key={name} title={`${name} ${what}`}>
            <span className="jp-condaenv-sign">{sign}</span>
            <span className="jp-condaenv-package">{name}</span>
            <span className="jp-condaenv-versions">{what}</span>
          </li>
        ))}
      </ul>
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
