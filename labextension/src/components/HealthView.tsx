import React from 'react';

import type { Finding, Health } from '../api/client';
import type { Opened } from '../model/opened';
import { useCondaEnv, useLastEnded, useStore, useTrouble, useWorking } from './context';
import { Button, Loading, useMinute, withCode } from './controls';
import { ago } from './format';

/** What was found when every file of the environment was looked at, what can be mended, and what has been. */
export function HealthView({ opened }: { opened: Opened }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { health, pastKnown } = useStore(opened);
  const working = useWorking(opened.prefix);
  const blocked = useTrouble() || working;
  if (!pastKnown) {
    return <Loading />;
  }
  const fixable = health?.findings?.some(one => one.fixable);
  return (
    <div className="jp-condaenv-health">
      <div className="jp-condaenv-actions">
        {fixable && (
          <Button accent blocked={blocked} onClick={() => panel.examine(opened.prefix, true)}>
            {trans.__('Repair')}
          </Button>
        )}
        <Button data-home accent={!health} blocked={blocked} onClick={() => panel.examine(opened.prefix, false)}>
          {health ? trans.__('Check again') : trans.__('Check')}
        </Button>
      </div>
      {health ? (
        <Found health={health} />
      ) : (
        <p className="jp-condaenv-quiet-text">
          {trans.__('Nobody has checked it yet. A check looks at every file, and changes nothing.')}
        </p>
      )}
    </div>
  );
}

function Found({ health }: { health: Health }): JSX.Element {
  const { trans } = useCondaEnv();
  const now = useMinute();
  const { findings = [], fixed = [], prefix, time } = health;
  const log = useLastEnded(prefix, 'doctor')?.log ?? [];
  const { damage, advice } = bySeverity(findings);
  return (
    <>
      <p role="status">
        {findings.length === 0
          ? trans.__('It is as it should be.')
          : trans.__(
              '%1, of which %2 can be repaired.',
              trans._n('%1 finding', '%1 findings', findings.length),
              findings.filter(one => one.fixable).length || trans.__('none')
            )}{' '}
        <span className="jp-condaenv-quiet-text" title={time}>
          {trans.__('Checked %1', ago(time, now, trans))}
        </span>
      </p>
      {log
        .filter(line => line.kind === 'warning')
        .map(line => (
          <p key={line.number} className="jp-condaenv-notice">
            {line.text}
          </p>
        ))}
      <Findings label={trans.__('Repaired')} findings={fixed} mended />
      <Findings label={trans.__('Damaged')} findings={damage} />
      <Findings label={trans.__('Could be better')} findings={advice} />
    </>
  );
}

/** What is damaged can fail; advice is about what works. */
export function bySeverity(findings: readonly Finding[]): { damage: Finding[]; advice: Finding[] } {
  const isAdvice = (one: Finding): boolean => one.severity === 'advice';
  return { damage: findings.filter(one => !isAdvice(one)), advice: findings.filter(isAdvice) };
}

function Findings(props: { label: string; findings: readonly Finding[]; mended?: boolean }): JSX.Element | null {
  const { trans } = useCondaEnv();
  const { label, findings, mended } = props;
  if (findings.length === 0) {
    return null;
  }
  return (
    <>
      <h3>{label}</h3>
      <ul aria-label={label}>
        {findings.map(({ code, text, hint, fixable, paths = [] }) => (
          <li key={code}>
            <div>{withCode(text)}</div>
            <div className="jp-condaenv-hint">
              {withCode(fixable && !mended ? trans.__('Repair does this: %1', hint) : hint)}
            </div>
            {paths.length > 0 && (
              <details>
                <summary>{trans.__('Where')}</summary>
                <ul className="jp-condaenv-places" aria-label={trans.__('Where')}>
                  {paths.map(path => (
                    <li key={path}>{path}</li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
