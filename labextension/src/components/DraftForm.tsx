import React from 'react';

import type { Outcome, When } from '../api/client';
import type { Draft } from '../model/draft';
import type { Fault } from '../model/names';
import { nameOf } from '../model/specs';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Button, Chips, isPressed } from './controls';
import { FileField, useDrop } from './FileField';
import { useArrival } from './focus';
import { OperationView } from './OperationView';
import { PackagePicker } from './PackagePicker';

/** A new environment: of packages, on top of another one, or as a clone. */
export function DraftForm({ draft }: { draft: Draft }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { name, specs, byPip, file, read } = useStore(draft);
  const { phase } = useStore(draft.operation);
  const first = useArrival<HTMLInputElement>(draft);
  const from = draft.from?.name ?? '';
  const title = {
    create: trans.__('New environment'),
    stack: trans.__('Stack on %1', from),
    clone: trans.__('Clone %1', from)
  }[draft.kind];

  const show = (outcome: Outcome | null): void => {
    const { view } = panel.read();
    const isStillHere = view.at === 'draft' && view.draft === draft;
    if (isStillHere && outcome?.result?.result === 'changed') {
      panel.show(outcome.result.environment.prefix);
    }
  };
  const apply = async (when: When): Promise<void> => show(await draft.apply(when));
  const make = async (): Promise<void> => show(await draft.make());
  const drop = useDrop(draft.kind === 'create' ? () => draft : null);
  const idle = phase === 'idle';
  const fault = draft.fault(useStore(panel.environments).environments);
  const problem = fault && faultIn(trans)[fault];
  const blocked = useTrouble();
  const ready = idle && draft.isReady && !problem;

  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Escape, wherever in it the focus is
    <form
      className={`jp-condaenv-form ${drop.over ? 'jp-mod-drop' : ''}`}
      {...drop.target}
      aria-label={title}
      onSubmit={event => {
        event.preventDefault();
        if (ready && !blocked) {
          void make();
        }
      }}
      onKeyDown={event => {
        if (!isPressed('Escape', event)) {
          return;
        }
        if (phase === 'planned') {
          draft.operation.reset();
        } else {
          panel.leave(draft);
        }
      }}
    >
      <h2>{idle || phase === 'planning' ? title : name || file?.name}</h2>
      <fieldset disabled={!idle} hidden={phase === 'planned' || phase === 'applying'}>
        <label className="jp-condaenv-field">
          <span>{trans.__('Name')}</span>
          <input
            ref={first}
            className="jp-condaenv-input"
            value={name}
            placeholder={read?.name}
            spellCheck={false}
            autoComplete="off"
            aria-invalid={problem !== null}
            aria-describedby="jp-condaenv-name-problem"
            onChange={event => draft.setName(event.target.value)}
          />
        </label>
        {problem && (
          <span id="jp-condaenv-name-problem" className="jp-condaenv-problem">
            {problem}
          </span>
        )}
        {draft.kind === 'create' && <FileField draft={draft} />}
        {draft.kind !== 'clone' && !file && (
          <Chips
            label={trans.__('Packages to install')}
            chips={[
              ...specs.map(spec => ({ by: 'specs' as const, spec, text: spec })),
              ...byPip.map(spec => ({ by: 'byPip' as const, spec, text: `pip: ${spec}` }))
            ].map(({ by, spec, text }) => ({
              key: text,
              text,
              leaveOut: trans.__('Leave out %1', nameOf(spec)),
              onLeaveOut: () => draft.toggle(spec, by)
            }))}
          />
        )}
      </fieldset>
      <OperationView operation={draft.operation} taker={draft} living={false} onApply={apply} />
      {draft.kind !== 'clone' && !file && (
        <PackagePicker
          chosen={specs}
          environment={draft.from?.prefix}
          hidden={!idle}
          onToggle={spec => draft.toggle(spec)}
          onToggleByPip={requirement => draft.toggle(requirement, 'byPip')}
        />
      )}
      <div className="jp-condaenv-actions" hidden={!idle && phase !== 'planning'}>
        {!draft.isNamed && (!file || read) && (
          <p id="jp-condaenv-missing" className="jp-condaenv-missing">
            {draft.kind === 'create'
              ? file
                ? trans.__('It needs a name: the file gives none.')
                : trans.__('It needs a name, or a file with one.')
              : trans.__('It needs a name.')}
          </p>
        )}
        <Button type="submit" accent disabled={!ready} blocked={blocked} aria-describedby="jp-condaenv-missing">
          {draft.kind === 'clone' ? trans.__('Clone') : trans.__('Create')}
        </Button>
        {draft.kind !== 'clone' && (
          <Button disabled={!ready} blocked={blocked} onClick={() => draft.plan()}>
            {trans.__('Show plan')}
          </Button>
        )}
        <Button onClick={() => panel.discard(draft)}>{trans.__('Cancel')}</Button>
      </div>
      {phase === 'applying' && (
        <div className="jp-condaenv-actions">
          <Button onClick={() => panel.showList()}>{trans.__('All environments')}</Button>
        </div>
      )}
    </form>
  );
}

function faultIn(trans: ReturnType<typeof useCondaEnv>['trans']): Record<Fault, string> {
  return {
    reserved: trans.__('That name is reserved, or begins with a dot or a dash.'),
    character: trans.__('A name has none of / \\ : # % in it, and no characters that cannot be seen.'),
    long: trans.__('That name is too long.'),
    taken: trans.__('There is an environment of that name.')
  };
}
