import React from 'react';

import type { Environment } from '../api/client';
import { changed, written } from '../model/notes';
import type { IWritten } from '../model/notes';
import type { Opened } from '../model/opened';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Alert, Button, isPressed } from './controls';
import { useArrival } from './focus';

/** What is said of an environment, and what shall not happen to it, to be written anew. */
export function NotesForm(props: { environment: Environment; opened: Opened; onEnd(): void }): JSX.Element {
  const { trans } = useCondaEnv();
  const { environment, opened, onEnd } = props;
  const { phase, failure } = useStore(opened.noting);
  const [now, setNow] = React.useState(() => written(environment.notes));
  const blocked = useTrouble() || phase !== 'idle';
  const first = useArrival<HTMLTextAreaElement>(opened);
  const set = (change: Partial<IWritten>): void => setNow({ ...now, ...change });
  const end = (): void => {
    opened.noting.reset();
    onEnd();
  };
  const save = async (): Promise<void> => {
    const change = changed(environment.notes, now);
    if (!change || (await opened.annotate(change))?.state === 'succeeded') {
      end();
    }
  };
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Escape, wherever in it the focus is
    <form
      className="jp-condaenv-notes"
      aria-label={trans.__('Notes and protection')}
      onSubmit={event => {
        event.preventDefault();
        if (!blocked) {
          void save();
        }
      }}
      onKeyDown={event => {
        if (isPressed('Escape', event)) {
          event.stopPropagation();
          end();
        }
      }}
    >
      <label className="jp-condaenv-field">
        <span>{trans.__('Note')}</span>
        <textarea
          ref={first}
          className="jp-condaenv-input"
          rows={2}
          value={now.note}
          onChange={event => set({ note: event.target.value })}
        />
      </label>
      <label className="jp-condaenv-field">
        <span>{trans.__('Tags')}</span>
        <input
          className="jp-condaenv-input"
          value={now.tags}
          placeholder={trans.__('such as prod, 2026-teaching')}
          spellCheck={false}
          autoComplete="off"
          onChange={event => set({ tags: event.target.value })}
        />
      </label>
      <Check checked={now.protected} onChange={protect => set({ protected: protect })}>
        {trans.__('Protected: neither deleted nor moved')}
      </Check>
      <Check checked={now.frozen} onChange={frozen => set({ frozen })}>
        {trans.__('Frozen: not changed either')}
      </Check>
      {now.frozen && (
        <label className="jp-condaenv-field">
          <span>{trans.__('Why it is frozen')}</span>
          <input
            className="jp-condaenv-input"
            value={now.message}
            autoComplete="off"
            onChange={event => set({ message: event.target.value })}
          />
        </label>
      )}
      {failure && <Alert failure={failure} />}
      <div className="jp-condaenv-actions">
        <Button type="submit" accent blocked={blocked}>
          {phase === 'idle' ? trans.__('Save') : trans.__('Saving…')}
        </Button>
        <Button onClick={end}>{trans.__('Cancel')}</Button>
      </div>
    </form>
  );
}

function Check(props: { checked: boolean; onChange(checked: boolean): void; children: string }): JSX.Element {
  return (
    <label className="jp-condaenv-check">
      <input type="checkbox" checked={props.checked} onChange={event => props.onChange(event.target.checked)} />
      <span>{props.children}</span>
    </label>
  );
}
