import { Signal } from '@lumino/signaling';

import { ApiError } from '../api/client';
import type { Api, Environment, Lock } from '../api/client';
import { Connection, troubleOf } from './connection';
import { Draft } from './draft';
import type { Kind } from './draft';
import { Environments } from './environments';
import { Jobs } from './jobs';
import { Opened } from './opened';
import { Search } from './search';
import { Store } from './store';

export type View = { at: 'list' } | { at: 'draft'; draft: Draft } | { at: 'environment'; opened: Opened };

/** As in schema/plugin.json. */
export interface ISettings {
  /** The packages that a new environment has unless they are left out. */
  defaultPackages: readonly string[];
  /** Whether sizes that are not known are measured unasked. */
  measureSizes: boolean;
}

/** What the panel is about, which part of it is shown, and which one was shown before. */
export class Panel extends Store<{ view: View; from: View | null }> {
  constructor(
    api: Api,
    private readonly _settings: () => ISettings
  ) {
    super({ view: { at: 'list' }, from: null });
    this.connection = new Connection(() => this.environments.refresh());
    this.api = this.connection.watch(api);
    this.jobs = new Jobs(this.api);
    this.search = new Search(this.api, this.jobs);
    this.environments = new Environments(this.api, this.jobs, () => _settings().measureSizes);
    this.connection.back.connect(() => this._resume());
    this.jobs.idle.connect(() => {
      void this.environments.look();
      void this._shown?.look();
    });
    this.jobs.ended.connect((_, job) => {
      void this.environments.refresh();
      void this._opened.get(job.prefix)?.refresh();
    });
  }

  readonly connection: Connection;
  /** All that the server can be asked. */
  readonly api: Api;
  readonly jobs: Jobs;
  readonly environments: Environments;
  readonly search: Search;
  /** The server does not do what a button has asked for, and there is no better place to say so. */
  readonly refused = new Signal<this, ApiError>(this);

  showList(): void {
    this._go({ at: 'list' });
  }

  /** Show the environment at `prefix`. What was about to be changed in it still is. */
  show(prefix: string): void {
    const opened = this._opened.get(prefix) ?? new Opened(prefix, this.api, this.jobs);
    this._opened.set(prefix, opened);
    this._go({ at: 'environment', opened });
    void opened.refresh();
  }

  /** Show the form for a new environment: as it was left, if it was left for another view. */
  draft(kind: Kind, from: Environment | null = null): Draft {
    const left = this._draft;
    const isWanted = left?.isUnfinished && left.kind === kind && left.from?.prefix === from?.prefix;
    return isWanted ? this._show(left) : this._begin(kind, from);
  }

  /** Show the form for a new environment of `specs`, beside those that each has. */
  draftOf(specs: readonly string[]): void {
    const draft = this._begin('create', null);
    specs.filter(spec => !draft.read().specs.includes(spec)).forEach(spec => draft.toggle(spec));
  }

  /** Go back to where `draft` was begun. */
  leave(draft: Draft): void {
    if (draft.from) {
      this.show(draft.from.prefix);
    } else {
      this.showList();
    }
  }

  /** Make no such environment, and go back to where that was begun. */
  discard(draft: Draft): void {
    this._draft = null;
    this.leave(draft);
  }

  /** Read anew what is shown. */
  async refresh(): Promise<void> {
    await Promise.all([this.environments.refresh(), this._shown?.refresh()]);
  }

  /** Have the server look for environments that other programs have made, wherever they are. */
  async scan(): Promise<void> {
    const job = await this._attempt(() => this.api.scan());
    if (job) {
      this.jobs.add(job);
    }
    await this.refresh();
  }

  /** Delete it, and look elsewhere. */
  async remove(prefix: string): Promise<void> {
    const job = await this._attempt(() => this.api.remove(prefix));
    if (job) {
      this.jobs.add(job);
      this._opened.delete(prefix);
      this.showList();
    }
  }

  /** Do what waits for the next start of a kernel. */
  async applyDeferred(prefix: string): Promise<void> {
    const job = await this._attempt(() => this.api.applyDeferred(prefix));
    if (job) {
      this.jobs.add(job);
    }
  }

  /** Give up what waits for the next start of a kernel. */
  async dropDeferred(prefix: string): Promise<void> {
    const job = await this._attempt(() => this.api.dropDeferred(prefix));
    if (job) {
      this.jobs.add(job);
    }
  }

  /** Look at every file of the environment at `prefix`, and, with `fix`, mend what can be mended. */
  async examine(prefix: string, fix: boolean): Promise<void> {
    const job = await this._attempt(() => this.api.examine(prefix, fix));
    if (job) {
      this.jobs.add(job);
    }
  }

  /** Ask a job to stop. */
  async cancel(job: string): Promise<void> {
    await this._attempt(() => this.jobs.cancel(job));
  }

  /** What the environment at `prefix` consists of; null where that cannot be had. */
  lock(prefix: string): Promise<Lock | null> {
    return this._attempt(() => this.api.lock(prefix));
  }

  /** The name of a new terminal in which the environment at `prefix` is active; null where there can be none. */
  openTerminal(prefix: string): Promise<string | null> {
    return this._attempt(() => this.api.openTerminal(prefix));
  }

  dispose(): void {
    Signal.clearData(this);
    this.jobs.dispose();
    this.connection.dispose();
  }

  /** The environment that is looked at. */
  private get _shown(): Opened | null {
    const { view } = this.read();
    return view.at === 'environment' ? view.opened : null;
  }

  /** Go on with what has waited for the server. */
  private _resume(): void {
    const { view } = this.read();
    void this.refresh();
    void this.search.resume();
    this._opened.forEach(one => one.operation.resume());
    if (view.at === 'draft') {
      view.draft.resume();
    }
  }

  private _begin(kind: Kind, from: Environment | null): Draft {
    const specs = kind === 'create' ? this._settings().defaultPackages : [];
    return this._show(new Draft(kind, from, specs, this.api, this.jobs));
  }

  private _show(draft: Draft): Draft {
    this._draft = draft;
    this._go({ at: 'draft', draft });
    return draft;
  }

  private _go(view: View): void {
    this.set({ view, from: this.read().view });
  }

  /** What `ask` is answered; null where the server refuses it, which is then told, or is away, which is known. */
  private async _attempt<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      if (!troubleOf(error)) {
        this.refused.emit(error);
      }
      return null;
    }
  }

  /** The form that was shown last. */
  private _draft: Draft | null = null;
  private readonly _opened = new Map<string, Opened>();
}
