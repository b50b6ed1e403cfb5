import { addIcon, checkIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { FoundPackage } from '../api/client';
import type { Search } from '../model/search';
import { isNarrowed, isOfAnyChannel, nameOf, split } from '../model/specs';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Alert, Button, isPressed, Loading, SearchField, useMinute } from './controls';
import { ago } from './format';
import { JobProgress } from './JobProgress';
import { VirtualList } from './VirtualList';

const ROW = 26;

/** Packages of the channels to choose from; what is typed can be a spec of its own, too. */
export function PackagePicker(props: {
  /** The specs that are chosen. */
  chosen: readonly string[];
  /** Versions of what is there already, by name. */
  installed?: ReadonlyMap<string, string>;
  /** The prefix of the environment whose channels are searched; the configured ones are without it. */
  environment?: string;
  hidden?: boolean;
  onToggle(spec: string): void;
  /** Have it by pip, or no longer. */
  onToggleByPip(requirement: string): void;
}): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const search = panel.search;
  const { text, total, found, indexes, missing, absent, failure } = useStore(search);
  const { chosen, installed, environment, onToggle, onToggleByPip } = props;
  const names = new Set(chosen.map(nameOf));
  const ofAnyChannel = React.useMemo(() => [...new Set(chosen.filter(isOfAnyChannel).map(nameOf))], [chosen]);

  React.useEffect(() => {
    void search.open(environment);
  }, [search, environment]);
  React.useEffect(() => {
    void search.lookFor(ofAnyChannel);
    return () => void search.lookFor([]);
  }, [search, ofAnyChannel, indexes]);
  const lacking = ofAnyChannel.filter(name => absent.has(name) && !installed?.has(name));
  const onSeen = React.useCallback((first: number, last: number) => search.need(first, last), [search]);

  const type = (typed: string): void => search.setText(typed, nameOf(typed));
  const take = (typed: string): void => {
    [...new Set(split(typed))].filter(spec => !chosen.includes(spec)).forEach(onToggle);
    type('');
  };

  return (
    <div className="jp-condaenv-picker" hidden={props.hidden}>
      <SearchField
        label={trans.__('Find packages')}
        value={text}
        onChange={type}
        onKeyDown={event => {
          if (isPressed('Enter', event)) {
            event.preventDefault(); // it adds what was typed, and never sends the form around it
            take(event.currentTarget.value); // what was typed last may not have been drawn yet
          }
        }}
        onPaste={event => {
          const pasted = event.clipboardData.getData('text');
          if (!text && split(pasted).length > 1) {
            event.preventDefault(); // a field of one line would run the lines together
            take(pasted);
          }
        }}
      />
      {text.trim() && (
        <div className="jp-condaenv-actions jp-condaenv-take">
          {isNarrowed(text) && (
            <Button icon={addIcon} onClick={() => take(text)}>
              {trans.__('Add %1', split(text).join(', '))}
            </Button>
          )}
          <Button
            icon={addIcon}
            onClick={() => {
              onToggleByPip(text.trim());
              type('');
            }}
          >
            {trans.__('Add %1 by pip', text.trim())}
          </Button>
        </div>
      )}
      {lacking.length > 0 && (
        <p role="status" className="jp-condaenv-quiet">
          {trans.__('No channel has %1. It may be misspelt, or be had by pip.', lacking.join(', '))}
        </p>
      )}
      {failure && <Alert failure={failure} />}
      <Indexing search={search} />
      {total === null && !failure && <Loading />}
      {total === 0 && missing.length === 0 && (
        <p className="jp-condaenv-quiet">{trans.__('No channel has a package of that name.')}</p>
      )}
      {total !== null && total > 0 && (
        <VirtualList
          label={trans.__('Found packages')}
          count={total}
          rowHeight={ROW}
          onSeen={onSeen}
          row={(index, tabIndex) => {
            const one = found.get(index);
            return one ? (
              <Found
                found={one}
                chosen={names.has(one.name)}
                installed={installed?.get(one.name)}
                tabIndex={tabIndex}
                onToggle={() => onToggle(chosen.find(spec => nameOf(spec) === one.name) ?? one.name)}
              />
            ) : (
              <span className="jp-condaenv-quiet">…</span>
            );
          }}
        />
      )}
      <About search={search} />
    </div>
  );
}

function Found(props: {
  found: FoundPackage;
  chosen: boolean;
  installed?: string;
  tabIndex: 0 | -1;
  onToggle(): void;
}): JSX.Element {
  const { trans } = useCondaEnv();
  const { name, version, summary } = props.found;
  const { installed } = props;
  const here = !installed ? '' : installed === version ? trans.__('installed') : trans.__('%1 installed', installed);
  return (
    <button
      type="button"
      className="jp-condaenv-found"
      aria-label={trans.__('Add %1', name)}
      title={[`${name} ${version}`, here, summary].filter(part => part).join('\n')}
      aria-pressed={props.chosen}
      tabIndex={props.tabIndex}
      onClick={props.onToggle}
    >
      <span className="jp-condaenv-package">{name}</span>
      <span className={`jp-condaenv-summary ${here ? 'jp-mod-installed' : ''}`}>{here || summary}</span>
      <span className="jp-condaenv-number">{version}</span>
      {props.chosen ? (
        <checkIcon.react tag="span" elementSize="normal" aria-hidden="true" />
      ) : (
        <addIcon.react tag="span" elementSize="normal" aria-hidden="true" />
      )}
    </button>
  );
}

/** How far the fetching of the channels' lists is, where it goes on. */
function Indexing({ search }: { search: Search }): JSX.Element | null {
  const { trans } = useCondaEnv();
  const { indexing, missing, total } = useStore(search);
  if (indexing) {
    return (
      <div className="jp-condaenv-operation">
        <JobProgress id={indexing} cancellable />
      </div>
    );
  }
  return total !== null && missing.length > 0 ? (
    <p className="jp-condaenv-quiet">{trans.__('Not searched yet: %1', missing.join(', '))}</p>
  ) : null;
}

/** How much was searched, and how old it is. */
function About({ search }: { search: Search }): JSX.Element | null {
  const { trans } = useCondaEnv();
  const { total, indexes, indexing } = useStore(search);
  const trouble = useTrouble();
  const now = useMinute();
  if (total === null) {
    return null;
  }
  const oldest = indexes.map(index => index.time).sort()[0];
  return (
    <div className="jp-condaenv-foot">
      <span>
        {[trans._n('%1 package', '%1 packages', total), oldest ? trans.__('as of %1', ago(oldest, now, trans)) : '']
          .filter(part => part)
          .join(' · ')}
      </span>
      <button type="button" disabled={indexing !== '' || trouble} onClick={() => void search.index()}>
        {trans.__('Fetch again')}
      </button>
    </div>
  );
}
