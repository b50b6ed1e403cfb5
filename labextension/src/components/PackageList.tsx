import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { updateIcon } from '../icons';
import type { Package, PipPackage } from '../api/client';
import type { Opened } from '../model/opened';
import { nameOf } from '../model/specs';
import { useCondaEnv, useStore } from './context';
import { Button, IconButton, Loading, SearchField } from './controls';
import { VirtualList } from './VirtualList';

const ROW = 26;

/** What conda and pip installed, by name. */
function installed(packages: readonly Package[], pip: readonly PipPackage[]): (Package | PipPackage)[] {
  return [...packages, ...pip].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** What is installed, to be removed or updated. */
export function PackageList({ opened }: { opened: Opened }): JSX.Element {
  const { trans } = useCondaEnv();
  const { packages, pip, remove, update, add, detail, everything, failure } = useStore(opened);
  const [filter, setFilter] = React.useState('');
  const wanted = filter.trim().toLowerCase();
  const all = React.useMemo(() => installed(packages, pip), [packages, pip]);
  const shown = React.useMemo(() => all.filter(one => one.name.includes(wanted)), [all, wanted]);
  const asked = React.useMemo(() => new Set(detail?.specs.map(nameOf)), [detail]);
  return (
    <>
      <div className="jp-condaenv-bar-top jp-condaenv-together">
        <SearchField label={trans.__('Filter packages')} value={filter} onChange={setFilter} />
        <Button aria-pressed={everything} onClick={() => opened.toggleAll()}>
          {trans.__('Update all')}
        </Button>
      </div>
      {!detail && !failure && <Loading />}
      {detail && shown.length === 0 && (
        <p className="jp-condaenv-quiet">
          {all.length > 0 ? trans.__('No package has that in its name.') : trans.__('Nothing is installed.')}
        </p>
      )}
      <VirtualList
        label={trans.__('Packages')}
        count={shown.length}
        rowHeight={ROW}
        row={(index, tabIndex) => {
          const one = shown[index];
          const { name, version } = one;
          const ofConda = 'build' in one;
          const going = remove.includes(name);
          const moving = everything || update.includes(name) || add.some(spec => nameOf(spec) === name);
          return (
            <div
              className={`jp-condaenv-installed ${going ? 'jp-mod-remove' : ''} ${asked.has(name) ? 'jp-mod-asked' : ''}`}
              title={`${name} ${version} ${ofConda ? `${one.build}\n${one.channel}` : `\n${trans.__('by pip')}`}`}
            >
              <span className="jp-condaenv-package">{name}</span>
              {!ofConda && <span className="jp-condaenv-quiet">pip</span>}
              <span className="jp-condaenv-number">{version}</span>
              {ofConda && (
                <IconButton
                  icon={updateIcon}
                  label={trans.__('Update %1', name)}
                  aria-pressed={moving && !going}
                  tabIndex={tabIndex}
                  onClick={() => opened.toggle('update', name)}
                />
              )}
              <IconButton
                icon={closeIcon}
                label={trans.__('Remove %1', name)}
                aria-pressed={going}
                tabIndex={tabIndex}
                onClick={() => opened.toggle('remove', name)}
              />
            </div>
          );
        }}
      />
    </>
  );
}
