import { ApiError } from '../api/client';
import type { Api, Environment, Storage } from '../api/client';
import { troubleOf } from './connection';
import type { Jobs } from './jobs';
import { Latest } from './latest';
import { Store } from './store';

interface IEnvironments {
  environments: readonly Environment[];
  /** What was measured last. */
  storage: Storage | null;
  loaded: boolean;
  failure: ApiError | null;
  /** What the kernels that run belong to, such as a notebook, by the name of their kernelspec. */
  living: ReadonlyMap<string, readonly string[]>;
}

export type KernelState = 'running' | 'registered' | 'none';

/** An environment with its place under the ones that it stands on. */
export interface IPlaced {
  environment: Environment;
  /** How many listed ones it stands on. */
  depth: number;
}

/** The environments that the server knows, and their sizes. */
export class Environments extends Store<IEnvironments> {
  constructor(
    private readonly _api: Pick<Api, 'environments' | 'storage' | 'measure'>,
    private readonly _jobs: Jobs,
    /** Whether sizes that are not known are measured unasked. */
    private readonly _measures: () => boolean
  ) {
    super({
      environments: [],
      storage: null,
      loaded: false,
      failure: null,
      living: new Map()
    });
    _jobs.failed.connect((_, error) => this._fail(error));
  }

  get(prefix: string): Environment | undefined {
    return this.read().environments.find(one => one.prefix === prefix);
  }

  kernelState(environment: Environment): KernelState {
    const kernels = environment.kernels ?? [];
    const { living } = this.read();
    return kernels.some(name => living.has(name)) ? 'running' : kernels.length > 0 ? 'registered' : 'none';
  }

  /** Bytes that it takes by itself; undefined until it has been measured. */
  size(prefix: string): number | undefined {
    return this.read().storage?.environments.find(one => one.prefix === prefix)?.alone;
  }

  /** Those that stand on the one at `prefix`. */
  overlays(prefix: string): readonly Environment[] {
    return this.read().environments.filter(one => one.base === prefix);
  }

  /** What its kernels that run belong to. */
  users(environment: Environment): readonly string[] {
    const { living } = this.read();
    return (environment.kernels ?? []).flatMap(name => living.get(name) ?? []);
  }

  /** Know of kernels that run: the name of the kernelspec, and what each belongs to. */
  setLiving(running: Iterable<readonly [kernel: string, user: string]>): void {
    const living = new Map<string, string[]>();
    for (const [kernel, user] of running) {
      living.set(kernel, [...(living.get(kernel) ?? []), user]);
    }
    this.set({ living });
  }

  async refresh(): Promise<void> {
    try {
      const isLast = this._listing.ask();
      const listed = this._api.environments().then(environments => {
        if (isLast()) {
          this.set({ environments, loaded: true, failure: null });
        }
      });
      await Promise.all([listed, this._jobs.refresh()]);
      await this._refreshSizes();
    } catch (error) {
      this._fail(error);
    }
  }

  /** Look whether there are others than when they were last read. */
  async look(): Promise<void> {
    const now = await this._api.environments().catch(() => null);
    if (now && JSON.stringify(now) !== JSON.stringify(this.read().environments)) {
      await this.refresh();
    }
  }

  /** Show what the server answered. That it did not, everybody knows by the connection. */
  private _fail(error: unknown): void {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    this.set(troubleOf(error) ? { failure: null } : { loaded: true, failure: error });
  }

  private async _refreshSizes(): Promise<void> {
    const storage = await this._api.storage();
    this.set({ storage });
    const known = new Set(storage?.environments.map(one => one.prefix));
    const missing = this.read().environments.filter(one => !known.has(one.prefix));
    // Once for each environment: one that cannot be measured must not be measured for ever.
    const fresh = missing.filter(one => !this._measured.has(one.prefix));
    if (this._measures() && fresh.length > 0) {
      fresh.forEach(one => this._measured.add(one.prefix));
      this._jobs.add(await this._api.measure());
    }
  }

  private readonly _listing = new Latest();
  private readonly _measured = new Set<string>();
}

/** Those whose name, place or tags have `filter` in them, each below the one it stands on. */
export function placed(environments: readonly Environment[], filter: string): IPlaced[] {
  const wanted = filter.trim().toLowerCase();
  const shown = environments.filter(one =>
    [one.name, one.prefix, ...(one.notes?.tags ?? [])].some(text => text.toLowerCase().includes(wanted))
  );
  const prefixes = new Set(shown.map(one => one.prefix));
  const seen = new Set<string>();
  const found: IPlaced[] = [];
  const place = (environment: Environment, depth: number): void => {
    if (seen.has(environment.prefix)) {
      return;
    }
    seen.add(environment.prefix);
    found.push({ environment, depth });
    for (const one of shown) {
      if (one.base === environment.prefix) {
        place(one, depth + 1);
      }
    }
  };
  for (const one of shown) {
    if (!one.base || !prefixes.has(one.base)) {
      place(one, 0);
    }
  }
  return found;
}
