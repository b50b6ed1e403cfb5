import { ApiError } from '../api/client';
import type {
  Api,
  EnvironmentDetail,
  Health,
  NewNotes,
  NewPlan,
  Outcome,
  Package,
  PipPackage,
  Plan,
  RevisionSummary,
  Way
} from '../api/client';
import { troubleOf } from './connection';
import type { Jobs } from './jobs';
import { Latest } from './latest';
import { Operation } from './operation';
import { CHANGES_SPECS, isNarrowed, nameOf } from './specs';
import { Store } from './store';

/** What is asked of packages, by kind; `add` are specs, `byPip` requirements (PEP 508), the others names. */
export interface IWanted {
  add: readonly string[];
  byPip: readonly string[];
  update: readonly string[];
  remove: readonly string[];
}

type Asked = IWanted & {
  /** All packages may move to their newest version. */
  everything: boolean;
};

interface IOpened extends Asked {
  detail: EnvironmentDetail | null;
  /** What waits for the next start of a kernel. */
  deferred: Plan | null;
  /** Why it cannot be read, although something waits. */
  unreadable: ApiError | null;
  packages: readonly Package[];
  /** What pip or a person put beside them. */
  pip: readonly PipPackage[];
  /** Oldest first. */
  revisions: readonly RevisionSummary[];
  /** The numbers of those that cannot be read. */
  damaged: readonly number[];
  /** Whether its states and its health have been read. */
  pastKnown: boolean;
  /** What was found when all its files were looked at last; null where nobody has. */
  health: Health | null;
  failure: ApiError | null;
}

const NOTHING: Asked = { add: [], byPip: [], update: [], remove: [], everything: false };

/** An environment that is looked at, and what a person is about to change in it. */
export class Opened extends Store<IOpened> {
  constructor(
    readonly prefix: string,
    private readonly _api: Pick<
      Api,
      | 'environment'
      | 'packages'
      | 'revisions'
      | 'deferred'
      | 'health'
      | 'annotate'
      | 'makePlan'
      | 'applyPlan'
      | 'explain'
    >,
    jobs: Jobs
  ) {
    super({
      detail: null,
      deferred: null,
      unreadable: null,
      packages: [],
      pip: [],
      revisions: [],
      damaged: [],
      pastKnown: false,
      health: null,
      failure: null,
      ...NOTHING
    });
    this.operation = new Operation(_api, jobs);
    this.noting = new Operation(_api, jobs);
  }

  /** Of what is in it. */
  readonly operation: Operation;
  /** Of what is noted of it. */
  readonly noting: Operation;

  /** Read it anew. Of one that is damaged what can be read is shown. */
  async refresh(): Promise<void> {
    const isLast = this._reading.ask();
    const [past, present] = await Promise.all([settled(this._readPast()), settled(this._readPresent())]);
    if (isLast()) {
      const failure = [present, past].find(one => one instanceof ApiError) ?? null;
      this.set({
        ...(past instanceof ApiError ? {} : past),
        ...(present instanceof ApiError ? {} : present),
        failure: troubleOf(failure) ? null : failure
      });
    }
  }

  /** Look whether it is as it was when it was last read. */
  async look(): Promise<void> {
    const { detail } = this.read();
    const now = await this._api.environment(this.prefix).catch(() => null);
    if (JSON.stringify(now) !== JSON.stringify(detail)) {
      await this.refresh();
    }
  }

  /** Want `spec` added, in place of what else was wanted of that package; or no longer, where it is wanted already. */
  toggle(kind: keyof IWanted, spec: string): void {
    this.operation.forget();
    const name = nameOf(spec);
    const wanted = this.read()[kind].includes(spec);
    const without = (all: readonly string[]): string[] => all.filter(one => nameOf(one) !== name);
    const { add, byPip, update, remove } = this.read();
    const next: IWanted = {
      add: without(add),
      byPip: without(byPip),
      update: without(update),
      remove: without(remove)
    };
    this.set({ ...next, ...(wanted ? {} : { [kind]: [...next[kind], spec] }) });
  }

  /** Want all packages updated, or no longer. */
  toggleAll(): void {
    this.operation.forget();
    this.set({ everything: !this.read().everything, update: [] });
  }

  /** Whether `way` can be gone by wanting other packages here. */
  canTake(way: Way): boolean {
    return this.read().detail !== null && CHANGES_SPECS.includes(way.kind);
  }

  /** Want what `way` asks for, which are all requests that there would be: those of before, and those that were added. */
  take(way: Way): void {
    const { detail, update, remove } = this.read();
    const before = new Map(detail?.specs.map(spec => [nameOf(spec), spec]));
    const after = new Map(way.specs?.map(spec => [nameOf(spec), spec]));
    const add = [...after].filter(([name, spec]) => before.get(name) !== spec);
    this.operation.forget();
    this.set({
      // A name alone would leave an earlier request as it is.
      add: add.map(([name, spec]) => (before.has(name) && !isNarrowed(spec) ? `${name}=*` : spec)),
      update: update.filter(name => !add.some(([added]) => added === name)),
      remove: [...new Set([...remove, ...[...before.keys()].filter(name => !after.has(name))])]
    });
  }

  /** Note what `change` says. */
  annotate(change: NewNotes): Promise<Outcome | null> {
    return this.noting.run(() => this._api.annotate(this.prefix, change));
  }

  /** What is wanted besides `asked`. */
  besides(asked: NewPlan | null): Asked {
    const { add, byPip, update, remove, everything } = this.read();
    if (asked?.verb !== 'change') {
      return { add, byPip, update, remove, everything };
    }
    const left = (wanted: readonly string[], done: readonly string[] = []): string[] =>
      wanted.filter(one => !done.includes(one));
    return {
      add: left(add, asked.add),
      byPip: left(byPip, asked.pip),
      update: left(update, asked.update),
      remove: left(remove, asked.remove),
      everything: everything && !asked.update_all
    };
  }

  /** `asked` has been done: what was wanted besides still is. */
  done(asked: NewPlan | null): void {
    this.set(this.besides(asked));
  }

  clear(): void {
    this.operation.forget();
    this.set(NOTHING);
  }

  /** Show what all that is wanted would do. */
  async planChange(): Promise<void> {
    const { add, byPip, update, remove, everything } = this.read();
    await this.operation.plan({
      verb: 'change',
      environment: this.prefix,
      add: [...add],
      pip: [...byPip],
      update: [...update],
      remove: [...remove],
      update_all: everything
    });
  }

  /** Show what it takes to make it a kernel: the version of ipykernel that fits what is there. */
  async planKernel(): Promise<void> {
    await this.operation.plan({ verb: 'change', environment: this.prefix, add: ['ipykernel'] });
  }

  async planRollback(revision: number): Promise<void> {
    await this.operation.plan({ verb: 'rollback', environment: this.prefix, revision });
  }

  private async _readPast(): Promise<Partial<IOpened>> {
    const [past, health] = await Promise.all([this._api.revisions(this.prefix), this._api.health(this.prefix)]);
    return { ...past, health, pastKnown: true };
  }

  private async _readPresent(): Promise<Partial<IOpened>> {
    const [detail, { packages, pip }] = await Promise.all([
      this._api.environment(this.prefix),
      this._api.packages(this.prefix)
    ]);
    const waits = detail.deferred ? await settled(this._api.deferred(this.prefix)) : null;
    if (!(waits instanceof ApiError)) {
      return { detail, packages, pip, deferred: waits, unreadable: null };
    }
    // It may have been applied in between.
    return { detail, packages, pip, deferred: null, unreadable: waits.code === 'not_found' ? null : waits };
  }

  private readonly _reading = new Latest();
}

/** What `reading` gives, or why the server refuses it. */
async function settled<T>(reading: Promise<T>): Promise<T | ApiError> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    return error;
  }
}

/** The names of the packages that a plan was asked to change; null where it was asked for no package in particular. */
export function askedFor(request: NewPlan | null): ReadonlySet<string> | null {
  switch (request?.verb) {
    case 'change':
      return new Set([...(request.add ?? []), ...(request.update ?? []), ...(request.remove ?? [])].map(nameOf));
    case 'create':
    case 'stack':
      return new Set((request.specs ?? []).map(nameOf));
    default:
      return null;
  }
}
