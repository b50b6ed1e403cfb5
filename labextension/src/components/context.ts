import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Environment } from '../api/client';
import { hasEnded } from '../model/jobs';
import type { IJob } from '../model/jobs';
import type { Panel } from '../model/panel';
import type { Store } from '../model/store';

/** What components find around them: the model, the words, and what only JupyterLab can do. */
export interface IContext {
  panel: Panel;
  trans: TranslationBundle;
  openNotebook(environment: Environment): Promise<void>;
  /** With the environment active in it. */
  openTerminal(environment: Environment): Promise<void>;
  /** Ask, then delete. */
  remove(environment: Environment): Promise<void>;
  saveLock(environment: Environment): Promise<void>;
}

export const Context = React.createContext<IContext | null>(null);

export function useCondaEnv(): IContext {
  const context = React.useContext(Context);
  if (!context) {
    throw new Error('There is no context around this component.');
  }
  return context;
}

/** Whether nothing can be had of the server just now. */
export function useTrouble(): boolean {
  return useStore(useCondaEnv().panel.connection).trouble !== null;
}

/** Whether something is being done to the environment at `prefix`. */
export function useWorking(prefix: string): boolean {
  const { jobs } = useCondaEnv().panel;
  return React.useSyncExternalStore(jobs.subscribe, () => jobs.running(prefix) !== undefined);
}

/** The job that ended last at `prefix`, of that verb if one is given; how it ended is read. */
export function useLastEnded(prefix: string, verb = ''): IJob | undefined {
  const { jobs } = useCondaEnv().panel;
  const job = React.useSyncExternalStore(jobs.subscribe, () =>
    jobs.read().jobs.find(one => one.prefix === prefix && hasEnded(one.state) && (!verb || one.verb === verb))
  );
  const unread = job && !job.outcome ? job.id : '';
  React.useEffect(() => {
    if (unread) {
      void jobs.readOn(unread);
    }
  }, [jobs, unread]);
  return job;
}

/** The state of `store`, whenever it changes. */
export function useStore<State extends object>(store: Store<State>): State {
  return React.useSyncExternalStore(store.subscribe, store.read);
}
