import type { Api, Environment } from '../api/client';
import { Draft } from './draft';
import type { Kind } from './draft';
import { Environments } from './environments';
import { Jobs } from './jobs';
import { Opened } from './opened';
import { Store } from './store';

type View = { at: 'list' } | { at: 'draft'; draft: Draft } | { at: 'environment'; opened: Opened };

/** As in schema/plugin.json. */
export interface ISettings {
  /** The packages that a new environment has unless they are left out. */
  defaultPackages: readonly string[];
  /** Whether sizes that are not known are measured unasked. */
  measureSizes: boolean;
}

/** What the panel is about, and which part of it is shown. */
export class Panel extends Store<{ view: View }> {
  constructor(
    readonly api: Api,
    private readonly _settings: () => ISettings
  ) {
    super({ view: { at: 'list' } });
    this.jobs = new Jobs(api);
    this.environments = new Environments(api, this.jobs, () => _settings().measureSizes);
    this.jobs.ended.connect((_, job) => {
      void this.environments.refresh();
      void this._opened.get(job.prefix)?.refresh();
    });
  }

  readonly jobs: Jobs;
  readonly environments: Environments;
  isDisposed = false;

  showList(): void {
    this.set({ view: { at: 'list' } });
  }

  /** Show the environment at `prefix`. What was about to be changed in it still is. */
  show(prefix: string): void {
    const opened = this._opened.get(prefix) ?? new Opened(prefix, this.api, this.jobs);
    this._opened.set(prefix, opened);
    this.set({ view: { at: 'environment', opened } });
    void opened.refresh();
  }

  draft(kind: Kind, from: Environment | null = null): void {
    const specs = kind === 'create' ? this._settings().defaultPackages : [];
    this.set({ view: { at: 'draft', draft: new Draft(kind, from, specs, this.api, this.jobs) } });
  }

  /** Delete it, and look elsewhere. */
  async remove(prefix: string): Promise<void> {
    try {
      this.jobs.add(await this.api.remove(prefix));
      this._opened.delete(prefix);
      this.showList();
    } catch (error) {
      this.environments.fail(error);
    }
  }

  dispose(): void {
    this.isDisposed = true;
    this.jobs.dispose();
    this.environments.dispose();
  }

  private readonly _opened = new Map<string, Opened>();
}
