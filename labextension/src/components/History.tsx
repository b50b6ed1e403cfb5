import { undoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { RevisionSummary } from '../api/client';
import type { Opened } from '../model/opened';
import { useCondaEnv, useStore, useTrouble, useWorking } from './context';
import { Button, IconButton, Loading, useMinute } from './controls';
import { ago } from './format';
import { useRows } from './rows';

/** The states that the environment has had, newest first, those among them that cannot be read any more. */
export function History({ opened }: { opened: Opened }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { revisions, damaged, pastKnown, detail } = useStore(opened);
  const blocked = useTrouble();
  const now = useMinute();
  const working = useWorking(opened.prefix);
  const states = statesOf(revisions, damaged);
  const rows = useRows<HTMLUListElement>(states.length);
  if (!pastKnown) {
    return <Loading />;
  }
  if (states.length === 0) {
    return (
      <p className="jp-condaenv-quiet">{trans.__('No state of it was kept yet: the first change begins with that.')}</p>
    );
  }
  return (
    <ul className="jp-condaenv-revisions" aria-label={trans.__('Revisions')} {...rows.container}>
      {states.map(({ number, revision, before }, index) => (
        <li key={number} data-row={index}>
          <span className="jp-condaenv-number">{number}</span>
          <span className="jp-condaenv-revision">
            {revision ? (
              <>
                <span>{difference(revision, before) || word(revision.verb, trans)}</span>
                <span className="jp-condaenv-quiet-text" title={revision.time}>
                  {[revision.words || word(revision.verb, trans), ago(revision.time, now, trans), revision.author]
                    .filter(part => part)
                    .join(' · ')}
                </span>
              </>
            ) : (
              <>
                <span className="jp-condaenv-damaged">{trans.__('damaged')}</span>
                <span className="jp-condaenv-quiet-text">
                  {trans.__('It cannot be read, so nothing can go back to it. Repairing puts it aside.')}
                </span>
              </>
            )}
          </span>
          {!revision ? (
            <Button
              aria-label={trans.__('Repair: revision %1 and what else is wrong', number)}
              tabIndex={rows.tabIndex(index)}
              blocked={blocked || working}
              onClick={() => panel.examine(opened.prefix, true)}
            >
              {trans.__('Repair')}
            </Button>
          ) : number === detail?.revision ? (
            <span className="jp-condaenv-quiet-text">{trans.__('now')}</span>
          ) : (
            <IconButton
              icon={undoIcon}
              label={trans.__('Go back to %1', number)}
              tabIndex={rows.tabIndex(index)}
              blocked={blocked}
              onClick={() => opened.planRollback(number)}
            />
          )}
        </li>
      ))}
    </ul>
  );
}

interface IState {
  number: number;
  /** null where it cannot be read. */
  revision: RevisionSummary | null;
  /** The one before it that can be read. */
  before?: RevisionSummary;
}

/** All states, newest first. */
export function statesOf(revisions: readonly RevisionSummary[], damaged: readonly number[]): IState[] {
  const readable = revisions.map((revision, index) => ({
    number: revision.number,
    revision,
    before: revisions[index - 1]
  }));
  const states = [...readable, ...damaged.map(number => ({ number, revision: null }))];
  return states.sort((one, other) => other.number - one.number);
}

/** What was asked for that was not before, and the other way round. */
function difference(revision: RevisionSummary, before: RevisionSummary | undefined): string {
  const asked = ({ specs, pip_specs: pip = [] }: RevisionSummary): string[] => [
    ...specs,
    ...pip.map(spec => `pip: ${spec}`)
  ];
  const was = before ? asked(before) : [];
  const is = asked(revision);
  return [
    ...is.filter(spec => !was.includes(spec)).map(spec => `+ ${spec}`),
    ...was.filter(spec => !is.includes(spec)).map(spec => `− ${spec}`)
  ].join('  ');
}

function word(verb: string, trans: ReturnType<typeof useCondaEnv>['trans']): string {
  switch (verb) {
    case 'create':
      return trans.__('created');
    case 'stack':
      return trans.__('stacked');
    case 'clone':
      return trans.__('cloned');
    case 'change':
      return trans.__('changed');
    case 'rollback':
      return trans.__('rolled back');
    case 'adopt':
      return trans.__('adopted');
    case 'move':
      return trans.__('moved');
    default:
      return verb;
  }
}
