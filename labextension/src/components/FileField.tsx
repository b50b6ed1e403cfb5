import type { TranslationBundle } from '@jupyterlab/translation';
import { fileIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { ReadFile } from '../api/client';
import type { Draft } from '../model/draft';
import { useCondaEnv, useStore } from './context';
import { Button, Chips } from './controls';
import { bytes } from './format';

/** Bytes that the server takes. */
const MOST = 8 * 1024 * 1024;
const KINDS = '.yml,.yaml,.lock,.json,.txt,.toml,.ipynb';

/** The file that a new environment is made of, in place of packages. */
export function FileField({ draft }: { draft: Draft }): JSX.Element {
  const { trans } = useCondaEnv();
  const { file, read, environments } = useStore(draft);
  const input = React.useRef<HTMLInputElement>(null);
  if (file) {
    return (
      <div>
        <Chips
          label={trans.__('Made of')}
          chips={[
            {
              key: file.name,
              text: file.name,
              leaveOut: trans.__('Leave out %1', file.name),
              onLeaveOut: () => void draft.setFile(null)
            }
          ]}
        />
        {environments.length > 0 && (
          <label className="jp-condaenv-field">
            <span>{trans.__('Environment of the file')}</span>
            <select
              className="jp-mod-styled"
              value={file.environment || environments[0]}
              onChange={event => void draft.setEnvironment(event.target.value)}
            >
              {environments.map(name => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {read && <Contents read={read} />}
      </div>
    );
  }
  return (
    <div className="jp-condaenv-file">
      <input
        ref={input}
        type="file"
        hidden
        accept={KINDS}
        aria-label={trans.__('Environment file')}
        onChange={event => {
          void take(event.target.files, draft, trans);
          event.target.value = ''; // so that the same file can be chosen again
        }}
      />
      <Button icon={fileIcon} onClick={() => input.current?.click()}>
        {trans.__('Choose a file…')}
      </Button>
      <span>{trans.__('or drop one here')}</span>
    </div>
  );
}

/** What a file was taken for, and what is in it. */
function Contents({ read }: { read: ReadFile }): JSX.Element {
  const { trans } = useCondaEnv();
  const { format, channels, packages, pip, notes } = read;
  const words = {
    'environment.yml': 'environment.yml',
    explicit: trans.__('an explicit list of packages'),
    lock: trans.__('a lock'),
    pixi: trans.__('a manifest of pixi'),
    'requirements.txt': trans.__('requirements for pip'),
    'conda list': trans.__('a list of conda packages'),
    notebook: trans.__('a notebook')
  };
  return (
    <div role="status" className="jp-condaenv-quiet-text">
      <div>
        {[
          trans.__('Taken for %1', words[format]),
          packages === null ? '' : trans._n('%1 package', '%1 packages', packages),
          pip > 0 ? trans._n('%1 for pip', '%1 for pip', pip) : '',
          channels.length > 0 ? trans.__('from %1', channels.join(', ')) : ''
        ]
          .filter(part => part)
          .join(' · ')}
      </div>
      {notes.map(note => (
        <div key={note}>{note}</div>
      ))}
    </div>
  );
}

/** What makes an element take a file that is dropped on it, into the draft that `begin` gives. */
export function useDrop(begin: (() => Draft) | null): { over: boolean; target: React.HTMLAttributes<HTMLElement> } {
  const { trans } = useCondaEnv();
  const [over, setOver] = React.useState(false);
  if (!begin) {
    return { over: false, target: {} };
  }
  return {
    over,
    target: {
      onDragOver: event => {
        if (event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
          setOver(true);
        }
      },
      onDragLeave: () => setOver(false),
      onDrop: event => {
        event.preventDefault();
        setOver(false);
        void take(event.dataTransfer.files, begin(), trans);
      }
    }
  };
}

async function take(files: FileList | null, draft: Draft, trans: TranslationBundle): Promise<void> {
  const file = files?.[0];
  if (!file) {
    return;
  }
  if (file.size > MOST) {
    draft.operation.refuse({
      code: 'too_large',
      message: trans.__('%1 has %2; the server takes at most %3.', file.name, bytes(file.size), bytes(MOST)),
      hint: file.name.toLowerCase().endsWith('.ipynb')
        ? trans.__('Its outputs make it large: clear the outputs of all cells, save it, and choose it again.')
        : trans.__('Files that list packages are much smaller. Choose another one.')
    });
    return;
  }
  const text = await file.text().catch(() => null);
  if (text === null) {
    draft.operation.refuse({
      code: 'unreadable',
      message: trans.__('%1 cannot be read.', file.name),
      hint: trans.__('Choose one file: a folder is none.')
    });
    return;
  }
  await draft.setFile({ name: file.name, text });
}
