import { ApiError } from '../api/client';
import type { Api, FoundPackage, PackageIndex } from '../api/client';
import { troubleOf } from './connection';
import type { Jobs } from './jobs';
import { Latest } from './latest';
import { Store } from './store';

/** Rows that are asked for at once. */
const PAGE = 100;
/** Packages of which the names are the same but for dashes, dots and underscores; the server lists them first. */
const ALIKE = 10;
/** Milliseconds that a person may take between two letters before the server is asked. */
const PAUSE = 120;

interface ISearch {
  text: string;
  /** How many packages fit; null until it is known. */
  total: number | null;
  /** Those that were asked for, by their index. */
  found: ReadonlyMap<number, FoundPackage>;
  indexes: readonly PackageIndex[];
  /** Channels of which nothing can be found yet. */
  missing: readonly string[];
  /** Names of packages that no channel has, of those that were looked for. */
  absent: ReadonlySet<string>;
  /** The job that fetches the channels' lists; empty where none does. */
  indexing: string;
  failure: ApiError | null;
}

/** The packages of the channels that fit what is typed. The server searches; of its answer only what is seen is asked. */
export class Search extends Store<ISearch> {
  constructor(
    private readonly _api: Pick<Api, 'search' | 'indexChannels'>,
    private readonly _jobs: Jobs
  ) {
    super({
      text: '',
      total: null,
      found: new Map(),
      indexes: [],
      missing: [],
      absent: new Set(),
      indexing: '',
      failure: null
    });
  }

  /**
   * Show everything that the channels of `environment` (a prefix) have, or the configured ones without one; where
   * nothing can be found yet, have the lists fetched.
   */
  async open(environment = ''): Promise<void> {
    this._name = '';
    this._environment = environment;
    this.set({ text: '' });
    this._forgetAbsent();
    await this._begin();
  }

  /** Go on where the server could not be reached. */
  async resume(): Promise<void> {
    if (this._waits) {
      await this._begin();
    }
  }

  /** What is typed may hold a version; only the `name` in it is searched. */
  setText(text: string, name: string): void {
    this.set({ text });
    if (name === this._name) {
      return;
    }
    this._name = name;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.start(), PAUSE);
  }

  /** Search anew. What was found before stays in sight until there is an answer. */
  async start(): Promise<void> {
    clearTimeout(this._timer);
    this._asked.clear();
    await this._ask(0, true);
  }

  /** Have the rows from `first` to `last` here, soon. */
  need(first: number, last: number): void {
    const { total, found } = this.read();
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page += 1) {
      const start = page * PAGE;
      if (total !== null && start < total && !found.has(start) && !this._asked.has(page)) {
        void this._ask(page, false);
      }
    }
  }

  /**
   * Find out which of the packages called `names` no channel has, and no longer of those that were wanted before. Where
   * that cannot be told, nothing is said. Hundreds can be pasted, so that the server is asked for one after the other.
   */
  async lookFor(names: readonly string[]): Promise<void> {
    const isLast = this._looking.ask();
    const { total, missing } = this.read();
    if (total === null || missing.length > 0) {
      return;
    }
    for (const name of names) {
      if (isLast() && !this._lookedFor.has(name)) {
        await this._lookForOne(name);
      }
    }
  }

  private async _lookForOne(name: string): Promise<void> {
    const lookedFor = this._lookedFor.add(name);
    try {
      const { packages, missing } = await this._api.search(name, ALIKE, 0, this._environment);
      if (lookedFor === this._lookedFor && missing.length === 0 && !packages.some(one => one.name === name)) {
        this.set({ absent: new Set([...this.read().absent, name]) });
      }
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      lookedFor.delete(name);
    }
  }

  /** Of other channels, or of what they have now, nothing is known yet. */
  private _forgetAbsent(): void {
    this._lookedFor = new Set();
    this.set({ absent: new Set() });
  }

  /** Have a job fetch what there is in the channels. */
  index(): Promise<void> {
    this._indexing ??= this._index().finally(() => {
      this._indexing = null;
    });
    return this._indexing;
  }

  private async _index(): Promise<void> {
    await this._try(async () => {
      const { missing, indexes } = this.read();
      const summary = await this._api.indexChannels([...missing, ...indexes.map(index => index.channel)]);
      this._jobs.add(summary);
      this.set({ indexing: summary.id, failure: null });
      const outcome = await this._jobs.end(summary.id).finally(() => this.set({ indexing: '' }));
      if (outcome.failure) {
        const { code, message, hint, details } = outcome.failure;
        throw new ApiError(code, message, hint, details);
      }
      this._forgetAbsent();
      await this.start();
    });
  }

  private async _begin(): Promise<void> {
    await this.start();
    const { missing, indexing, failure } = this.read();
    if (missing.length > 0 && !indexing && !failure && !this._waits) {
      await this.index();
    }
  }

  private async _ask(page: number, anew: boolean): Promise<void> {
    const isLast = anew ? (this._isLast = this._searching.ask()) : this._isLast;
    this._asked.add(page);
    await this._try(async () => {
      const answer = await this._api.search(this._name, PAGE, page * PAGE, this._environment);
      if (!isLast()) {
        return;
      }
      const found = new Map(anew ? [] : this.read().found);
      answer.packages.forEach((one, index) => found.set(page * PAGE + index, one));
      const { total, indexes, missing } = answer;
      this.set({ total, found, indexes, missing, failure: null });
    });
  }

  private async _try(work: () => Promise<void>): Promise<void> {
    this._waits = false;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      this._waits = troubleOf(error) !== null;
      this.set({ failure: this._waits ? null : error });
    }
  }

  private readonly _asked = new Set<number>();
  private _lookedFor = new Set<string>();
  private readonly _looking = new Latest();
  private readonly _searching = new Latest();
  private _isLast = this._searching.ask();
  private _indexing: Promise<void> | null = null;
  private _name = '';
  private _environment = '';
  private _waits = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
