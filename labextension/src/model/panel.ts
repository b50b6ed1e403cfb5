import type { Api, Environment, JobSummary } from '../api/client';
import { Connection } from './connection';
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
    this.jobs.idle.connect(() => void this._shown?.look());
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
  isDisposed = false;

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

  draft(kind: Kind, from: Environment | null = null): void {
    const specs = kind === 'create' ? this._settings().defaultPackages : [];
    this._go({ at: 'draft', draft: new Draft(kind, from, specs, this.api, this.jobs) });
  }

  /** Make no such environment, and go back to where that was begun. */
  leave(draft: Draft): void {
    if (draft.from) {
      this.show(draft.from.prefix);
    } else {
      this.showList();
    }
  }

  /** Read anew what is shown. */
  async refresh(): Promise<void> {
    await Promise.all([this.environments.refresh(), this._shown?.refresh()]);
  }

  /** Delete it, and look elsewhere. */
  async remove(prefix: string): Promise<void> {
    if (await this._start(() => this.api.remove(prefix))) {
      this._opened.delete(prefix);
      this.showList();
    }
  }

  /** Do what waits for the next start of a kernel. */
  async applyDeferred(prefix: string): Promise<void> {
    await this._start(() => this.api.applyDeferred(prefix));
  }

  dispose(): void {
    this.isDisposed = true;
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

  private _go(view: View): void {
    this.set({ view, from: this.read().view });
  }

  /** Whether it was started. */
  private async _start(start: () => Promise<JobSummary>): Promise<boolean> {
    try {
      this.jobs.add(await start());
      return true;
    } catch (error) {
      this.environments.fail(error);
      return false;
    }
  }

  private readonly _opened = new Map<string, Opened>();
}
