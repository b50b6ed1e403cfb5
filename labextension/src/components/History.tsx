import { undoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { RevisionSummary } from '../api/client';
import type { Opened } from '../model/opened';
import { useCondaEnv, useStore, useTrouble } from './context';
import { IconButton, Loading, useMinute } from './controls';
import { ago } from './format';
import { useRows } from './rows';

/** The states that the environment has had, newest first. */
export function History({ opened }: { opened: Opened }): JSX.Element {
  const { trans } = useCondaEnv();
  const { revisions, detail } = useStore(opened);
  const blocked = useTrouble();
  const now = useMinute();
  const rows = useRows<HTMLUListElement>(revisions.length);
  if (!detail) {
    return <Loading />;
  }
  if (revisions.length === 0) {
    return (
      <p className="jp-condaenv-quiet">{trans.__('No state of it was kept yet: the first change begins with that.')}</p>
    );
  }
  return (
    <ul className="jp-condaenv-revisions" aria-label={trans.__('Revisions')} {...rows.container}>
      {[...revisions].reverse().map((revision, index, all) => (
        <li key={revision.number} data-row={index}>
          <span className="jp-condaenv-number">{revision.number}</span>
          <span className="jp-condaenv-revision">
            <span>{difference(revision, all[index + 1]) || word(revision.verb, trans)}</span>
            <span className="jp-condaenv-quiet-text" title={revision.time}>
              {[revision.words || word(revision.verb, trans), ago(revision.time, now, trans), revision.author]
                .filter(part => part)
                .join(' · ')}
            </span>
          </span>
          {revision.number === detail?.revision ? (
            <span className="jp-condaenv-quiet-text">{trans.__('now')}</span>
          ) : (
            <IconButton
              icon={undoIcon}
              label={trans.__('Go back to %1', revision.number)}
              tabIndex={rows.tabIndex(index)}
              blocked={blocked}
              onClick={() => opened.planRollback(revision.number)}
            />
          )}
        </li>
      ))}
    </ul>
  );
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
