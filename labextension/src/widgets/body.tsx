import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { Event, ServiceManager, Session } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { connect } from '../api/client';
import type { Environment } from '../api/client';
import { Announcer } from '../components/Announcer';
import { Context } from '../components/context';
import type { IContext } from '../components/context';
import { EnvironmentsSection } from '../components/EnvironmentsSection';
import { keepFocus } from '../components/focus';
import { baseName, notElsewhere, titleOf } from '../components/format';
import { JobList } from '../components/JobList';
import { inWords } from '../components/troubles';
import { SCHEMA } from '../model/jobs';
import type { IHint, IJob } from '../model/jobs';
import { Panel } from '../model/panel';
import type { ISettings } from '../model/panel';
import type { CondaEnvPanel } from './panel';
import { remove } from './removal';

/** Verbs after which there may be other kernels than before. */
const KERNELS = [
  'create',
  'stack',
  'clone',
  'change',
  'apply',
  'apply_deferred',
  'rollback',
  'remove',
  'kernel',
  'scan'
];

/** What is behind the panel, and the sections that show it. It is loaded when the panel is first opened. */
export function fill(
  side: CondaEnvPanel,
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  settings: () => ISettings
): Panel {
  const { serviceManager, commands } = app;
  const panel = new Panel(connect(serviceManager.serverSettings), settings);
  const context: IContext = {
    panel,
    trans,
    openNotebook: environment =>
      commands.execute('notebook:create-new', { kernelName: environment.kernels?.[0], activate: true }),
    openTerminal: environment => openTerminal(environment, panel, app),
    remove: environment => remove(environment, panel, trans),
    saveLock: environment => saveLock(environment, panel, trans)
  };
  const section = (label: string, content: JSX.Element): void => {
    const widget = ReactWidget.create(<Context.Provider value={context}>{content}</Context.Provider>);
    widget.addClass('jp-condaenv-section');
    widget.title.label = label;
    side.addWidget(widget);
  };
  section(trans.__('Environments'), <EnvironmentsSection />);
  section(
    trans.__('Jobs'),
    <>
      <JobList />
      <Announcer />
    </>
  );
  side.setRelativeSizes([3, 1]);

  const unfollow = followServer(panel, serviceManager);
  panel.refused.connect((_, failure) => {
    const { message, hint = '' } = inWords(failure, trans);
    Notification.error(`${message} ${hint}`.trim(), { autoClose: false });
  });
  panel.jobs.ended.connect((_, job) => {
    if (KERNELS.includes(job.verb)) {
      void serviceManager.kernelspecs.refreshSpecs();
    }
    if (!side.isVisible && panel.jobs.isOwn(job.id)) {
      tell(job, trans, () => app.shell.activateById(side.id));
    }
  });
  const letGo = keepFocus(side.node);
  side.disposed.connect(() => {
    letGo();
    unfollow();
    panel.dispose();
  });
  void panel.environments.refresh();
  return panel;
}

/** Have the model know what the server tells of jobs and kernels. Returns what ends this. */
function followServer(panel: Panel, { events, sessions, connectionFailure }: ServiceManager.IManager): () => void {
  const hint = (_: unknown, emission: Event.Emission): void => {
    if (emission.schema_id === SCHEMA) {
      panel.jobs.hint(emission as unknown as IHint);
    }
  };
  events.stream.connect(hint);
  const setLiving = (): void => {
    const running = Array.from(sessions.running(), session => [session.kernel?.name ?? '', userOf(session)] as const);
    panel.environments.setLiving(running);
  };
  sessions.runningChanged.connect(setLiving);
  setLiving();
  const look = (): void => {
    if (!document.hidden) {
      void panel.refresh();
    }
  };
  connectionFailure.connect(look);
  document.addEventListener('visibilitychange', look);
  window.addEventListener('online', look);
  return () => {
    events.stream.disconnect(hint);
    sessions.runningChanged.disconnect(setLiving);
    connectionFailure.disconnect(look);
    document.removeEventListener('visibilitychange', look);
    window.removeEventListener('online', look);
  };
}

/** The file that a kernel runs for; of a console, its name. */
function userOf({ type, path, name }: Session.IModel): string {
  return type === 'notebook' || type === 'file' ? path : name || path;
}

/** Where the panel is out of sight, JupyterLab's notifications say how a job ended. */
function tell(job: IJob, trans: TranslationBundle, open: () => void): void {
  const title = titleOf(job, trans);
  const failure = job.outcome?.failure;
  const actions = [{ label: trans.__('Show'), callback: open }];
  if (job.state === 'succeeded' && KERNELS.includes(job.verb)) {
    Notification.success(trans.__('%1: done', title), { autoClose: 5000, actions });
  } else if (job.state === 'failed' && failure) {
    Notification.error(`${title}: ${failure.message}`, { autoClose: false, actions });
  }
}

async function openTerminal(environment: Environment, panel: Panel, { commands }: JupyterFrontEnd): Promise<void> {
  const name = await panel.openTerminal(environment.prefix);
  if (name !== null) {
    await commands.execute('terminal:open', { name });
  }
}

async function saveLock(environment: Environment, panel: Panel, trans: TranslationBundle): Promise<void> {
  const lock = await panel.lock(environment.prefix);
  if (!lock) {
    return;
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(lock, null, 1)], { type: 'application/json' }));
  link.download = `${environment.name || baseName(environment.prefix)}.lock.json`;
  link.click();
  URL.revokeObjectURL(link.href);
  const note = notElsewhere(lock, trans);
  if (note) {
    // A notification would be cut off.
    await showDialog({
      title: trans.__('The lock was downloaded'),
      body: note,
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
  }
}
