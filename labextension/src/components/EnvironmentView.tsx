import { caretLeftIcon, copyIcon, deleteIcon, downloadIcon, editIcon, terminalIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Environment, Notes, When } from '../api/client';
import { condaEnvIcon } from '../icons';
import { hasEnded } from '../model/jobs';
import type { Opened } from '../model/opened';
import { nameOf } from '../model/specs';
import { useCondaEnv, useStore, useTrouble } from './context';
import { Alert, Button, Chips, IconButton, isPressed, Loading, Tabs } from './controls';
import { KernelDot } from './EnvironmentList';
import { useArrival, useReturn } from './focus';
import { baseName, bytes } from './format';
import { HealthView } from './HealthView';
import { History } from './History';
import { JobProgress } from './JobProgress';
import { NotesForm } from './NotesForm';
import { OperationView } from './OperationView';
import { PackageList } from './PackageList';
import { PackagePicker } from './PackagePicker';
import { Waiting } from './Waiting';

/** One environment: what it is, what is in it, and what can be done with it. */
export function EnvironmentView({ opened }: { opened: Opened }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const { detail, failure } = useStore(opened);
  const { environments } = useStore(panel.environments);
  const { phase } = useStore(opened.operation);
  const listed = environments.find(one => one.prefix === opened.prefix);
  const gone = failure?.code === 'not_found';
  const environment = gone ? undefined : (listed ?? detail?.environment);
  const [done, setDone] = React.useState(0);
  const living = environment !== undefined && panel.environments.kernelState(environment) === 'running';
  const apply = async (when: When): Promise<void> => {
    const { asked } = opened.operation.read();
    const outcome = await opened.operation.apply(when);
    if (outcome?.state === 'succeeded') {
      opened.done(asked);
      setDone(done + 1);
    }
  };
  const leave = (): void => (phase === 'planned' ? opened.operation.reset() : panel.showList());
  return (
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions -- Escape, wherever in it the focus is
    <div className="jp-condaenv-environment" onKeyDown={event => isPressed('Escape', event) && leave()}>
      <div className="jp-condaenv-bar-top">
        <button type="button" className="jp-condaenv-back" onClick={() => panel.showList()}>
          <caretLeftIcon.react tag="span" elementSize="normal" aria-hidden="true" />
          {trans.__('All environments')}
        </button>
      </div>
      {failure && !gone && <Alert failure={failure} />}
      {gone && <Gone prefix={opened.prefix} />}
      {!environment && !failure && <Loading />}
      {environment && <Heading environment={environment} opened={opened} done={done} />}
      <OperationView operation={opened.operation} taker={opened} living={living} onApply={apply} />
      {environment && (
        // What is planned, or done, is what was wanted then.
        <fieldset className="jp-condaenv-contents" disabled={phase === 'planning'} hidden={phase === 'planned'}>
          <Contents opened={opened} />
        </fieldset>
      )}
    </div>
  );
}

/** Where there is no environment any more, or never was one. */
function Gone({ prefix }: { prefix: string }): JSX.Element {
  const { panel, trans } = useCondaEnv();
  const heading = useArrival<HTMLHeadingElement>(prefix);
  return (
    <div role="alert" className="jp-condaenv-empty">
      <h3 ref={heading} tabIndex={-1}>
        {trans.__('%1 is no longer there', baseName(prefix))}
      </h3>
      <p>{trans.__('It was deleted, or moved, by another program: there is no environment at %1.', prefix)}</p>
      <Button accent onClick={() => panel.showList()}>
        {trans.__('Show the others')}
      </Button>
    </div>
  );
}

type Tab = 'installed' | 'add' | 'history' | 'health';

function Contents({ opened }: { opened: Opened }): JSX.Element {
  const { trans } = useCondaEnv();
  const { packages, add } = useStore(opened);
  const [tab, setTab] = React.useState<Tab>('installed');
  const installed = React.useMemo(() => new Map(packages.map(one => [one.name, one.version])), [packages]);
  return (
    <>
      <Tabs<Tab>
        label={baseName(opened.prefix)}
        tabs={[
          { id: 'installed', text: trans.__('Installed') },
          { id: 'add', text: trans.__('Add') },
          { id: 'history', text: trans.__('History') },
          { id: 'health', text: trans.__('Health') }
        ]}
        chosen={tab}
        onChoose={setTab}
      />
      <div
        className="jp-condaenv-tabpanel"
        role="tabpanel"
        id="jp-condaenv-tabpanel"
        aria-labelledby={`jp-condaenv-tab-${tab}`}
      >
        {tab === 'installed' && <PackageList opened={opened} />}
        {tab === 'add' && (
          <PackagePicker
            chosen={add}
            installed={installed}
            environment={opened.prefix}
            onToggle={spec => opened.toggle('add', spec)}
            onToggleByPip={requirement => opened.toggle('byPip', requirement)}
          />
        )}
        {tab === 'history' && <History opened={opened} />}
        {tab === 'health' && <HealthView opened={opened} />}
      </div>
      <Basket opened={opened} />
    </>
  );
}

/** What is about to be changed. */
function Basket({ opened }: { opened: Opened }): JSX.Element | null {
  const { trans } = useCondaEnv();
  const blocked = useTrouble();
  const wanted = useStore(opened);
  const { phase, asked } = useStore(opened.operation);
  const { add, byPip, update, remove, everything } = phase === 'applying' ? opened.besides(asked) : wanted;
  const chips = [
    ...add.map(spec => ({ kind: 'add' as const, spec, sign: '+' })),
    ...byPip.map(spec => ({ kind: 'byPip' as const, spec, sign: '+ pip:' })),
    ...update.map(spec => ({ kind: 'update' as const, spec, sign: '↑' })),
    ...remove.map(spec => ({ kind: 'remove' as const, spec, sign: '−' }))
  ].map(({ kind, spec, sign }) => ({
    key: `${kind} ${spec}`,
    text: `${sign} ${spec}`,
    kind,
    leaveOut: trans.__('Leave out %1', nameOf(spec)),
    onLeaveOut: () => opened.toggle(kind, spec)
  }));
  if (everything) {
    chips.push({
      key: 'everything',
      text: `↑ ${trans.__('all packages')}`,
      kind: 'update',
      leaveOut: trans.__('Leave out the update of all packages'),
      onLeaveOut: () => opened.toggleAll()
    });
  }
  if (chips.length === 0) {
    return null;
  }
  return (
    <section className="jp-condaenv-basket" aria-label={trans.__('Changes')}>
      <Chips label={trans.__('To be changed')} chips={chips} />
      <div className="jp-condaenv-actions">
        <Button accent disabled={phase !== 'idle'} blocked={blocked} onClick={() => opened.planChange()}>
          {trans.__('Show plan')}
        </Button>
        <Button onClick={() => opened.clear()}>{trans.__('Clear')}</Button>
      </div>
    </section>
  );
}

function Heading(props: {
  environment: Environment;
  opened: Opened;
  /** How many changes have been made here. */
  done: number;
}): JSX.Element {
  const { panel, trans, openNotebook, openTerminal, remove, saveLock } = useCondaEnv();
  const { environment } = props;
  const blocked = useTrouble();
  const { from } = useStore(panel);
  const given = from?.at === 'draft' && from.draft.from?.prefix === environment.prefix ? from.draft.kind : null;
  const stack = useArrival<HTMLButtonElement>(given === 'stack');
  const clone = useArrival<HTMLButtonElement>(given === 'clone');
  const title = useArrival<HTMLHeadingElement>(given === null || props.done > 0 ? `done ${props.done}` : null);
  const { jobs } = useStore(panel.jobs);
  const { job: own, phase } = useStore(props.opened.operation);
  const { job: noting } = useStore(props.opened.noting);
  const [writing, setWriting] = React.useState(false);
  useReturn(writing);
  const stays = environment.notes?.protected || Boolean(environment.notes?.frozen);
  const size = panel.environments.size(environment.prefix);
  const state = panel.environments.kernelState(environment);
  const kernels = environment.kernels ?? [];
  const working = jobs.find(
    ({ id, prefix, state }) => prefix === environment.prefix && !hasEnded(state) && id !== own && id !== noting
  );
  return (
    <div className="jp-condaenv-heading">
      <div className="jp-condaenv-title">
        <h2 ref={title} tabIndex={-1}>
          <KernelDot state={state} />
          {environment.name || baseName(environment.prefix)}
        </h2>
        <IconButton
          icon={editIcon}
          label={trans.__('Notes and protection')}
          aria-expanded={writing}
          onClick={() => setWriting(!writing)}
        />
      </div>
      <dl className="jp-condaenv-facts">
        {environment.base && (
          <Fact term={trans.__('Stands on')}>
            <Base prefix={environment.base} />
          </Fact>
        )}
        {environment.python && <Fact term={trans.__('Python')}>{environment.python}</Fact>}
        <Fact term={trans.__('Kernel')}>{kernels.join(', ') || trans.__('none')}</Fact>
        {!writing && <Noted notes={environment.notes ?? {}} />}
        {size !== undefined && <Fact term={trans.__('Size')}>{bytes(size)}</Fact>}
        <Fact term={trans.__('Place')}>
          <span className="jp-condaenv-path" title={environment.prefix}>
            <bdi>{environment.prefix}</bdi>
          </span>
        </Fact>
      </dl>
      {writing && <NotesForm environment={environment} opened={props.opened} onEnd={() => setWriting(false)} />}
      {environment.problem && <Alert failure={{ message: environment.problem }} />}
      {working && <JobProgress id={working.id} cancellable />}
      {!working && <Waiting environment={environment} opened={props.opened} />}
      {kernels.length === 0 && !environment.problem && !working && phase === 'idle' && (
        <div className="jp-condaenv-notice">
          <div>{trans.__('Nothing in it is a kernel, so that no notebook can run in it.')}</div>
          <Button blocked={blocked} onClick={() => props.opened.planKernel()}>
            {trans.__('Add ipykernel')}
          </Button>
        </div>
      )}
      <div className="jp-condaenv-actions">
        {kernels.length > 0 && (
          <Button accent onClick={() => openNotebook(environment)}>
            {trans.__('Open notebook')}
          </Button>
        )}
        <span className="jp-condaenv-icons">
          <IconButton
            icon={terminalIcon}
            label={trans.__('Open terminal')}
            blocked={blocked}
            onClick={() => openTerminal(environment)}
          />
          <IconButton
            ref={stack}
            icon={condaEnvIcon}
            label={trans.__('Stack on it')}
            onClick={() => panel.draft('stack', environment)}
          />
          <IconButton
            ref={clone}
            icon={copyIcon}
            label={trans.__('Clone')}
            onClick={() => panel.draft('clone', environment)}
          />
          <IconButton
            icon={downloadIcon}
            label={trans.__('Download lock')}
            blocked={blocked}
            onClick={() => saveLock(environment)}
          />
          <IconButton
            icon={deleteIcon}
            label={stays ? trans.__('Delete: not while it is protected or frozen') : trans.__('Delete')}
            blocked={blocked || stays}
            onClick={() => remove(environment)}
          />
        </span>
      </div>
    </div>
  );
}

function Fact(props: { term: string; children: React.ReactNode }): JSX.Element {
  return (
    <div>
      <dt>{props.term}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** What people say of it. */
function Noted({ notes }: { notes: Notes }): JSX.Element {
  const { trans } = useCondaEnv();
  const { note, tags = [], protected: kept = false, frozen } = notes;
  return (
    <>
      {tags.length > 0 && (
        <Fact term={trans.__('Tags')}>
          <Words text={tags.join(', ')} />
        </Fact>
      )}
      {kept && (
        <Fact term={trans.__('Protected')}>
          <Words text={trans.__('neither deleted nor moved')} />
        </Fact>
      )}
      {frozen && (
        <Fact term={trans.__('Frozen')}>
          <Words text={frozen} />
        </Fact>
      )}
      {note && (
        <Fact term={trans.__('Note')}>
          <Words text={note} />
        </Fact>
      )}
    </>
  );
}

/** Of any length, on as many lines as it takes. */
function Words({ text }: { text: string }): JSX.Element {
  return <span className="jp-condaenv-words">{text}</span>;
}

/** What it stands on, which can be looked at where it is listed. */
function Base({ prefix }: { prefix: string }): JSX.Element {
  const { panel } = useCondaEnv();
  return panel.environments.get(prefix) ? (
    <button type="button" className="jp-condaenv-link" title={prefix} onClick={() => panel.show(prefix)}>
      {baseName(prefix)}
    </button>
  ) : (
    <>{prefix}</>
  );
}
