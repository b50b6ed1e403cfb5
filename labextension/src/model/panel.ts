import type { Api, Environment, JobSummary } from '../api/client';
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
    readonly api: Api,
    private readonly _settings: () => ISettings
  ) {
    super({ view: { at: 'list' }, from: null });
    this.jobs = new Jobs(api);
    this.search = new Search(api, this.jobs);
    this.environments = new Environments(api, this.jobs, () => _settings().measureSizes);
    this.jobs.ended.connect((_, job) => {
      void this.environments.refresh();
      void this._opened.get(job.prefix)?.refresh();
    });
  }

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

  /** Delete it, and look elsewhere. */
  async remove(prefix: string): Promise<void> {
    await this._start(() => this.api.remove(prefix));
    this._opened.delete(prefix);
    this.showList();
  }

  /** Do what waits for the next start of a kernel. */
  applyDeferred(prefix: string): Promise<void> {
    return this._start(() => this.api.applyDeferred(prefix));
  }

  dispose(): void {
    this.isDisposed = true;
    this.jobs.dispose();
    this.environments.dispose();
  }

  private _go(view: View): void {
    this.set({ view, from: this.read().view });
  }

  private async _start(start: () => Promise<JobSummary>): Promise<void> {
    try {
      this.jobs.add(await start());
    } catch (error) {
      this.environments.fail(error);
    }
  }

  private readonly _opened = new Map<string, Opened>();
}
