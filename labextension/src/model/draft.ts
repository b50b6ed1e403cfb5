import type {
  Api,
  Environment,
  GivenFile,
  JobSummary,
  NewEnvironment,
  NewPlan,
  NewStack,
  Outcome,
  ReadFile,
  Way,
  When
} from '../api/client';
import { troubleOf } from './connection';
import type { Jobs } from './jobs';
import { faultOf } from './names';
import type { Fault } from './names';
import { failureOf, Operation } from './operation';
import { CHANGES_SPECS, nameOf } from './specs';
import { Store } from './store';

/** What is to be made: of packages alone, or from another environment, which then is the base or the source. */
export type Kind = 'create' | 'stack' | 'clone';

interface IDraft {
  name: string;
  specs: readonly string[];
  /** Requirements (PEP 508) that pip fulfils beside. */
  byPip: readonly string[];
  /** What it is made of in place of specs, such as an environment.yml. */
  file: GivenFile | null;
  /** What the server takes the file for; null until it has said so. */
  read: ReadFile | null;
  /** Those that can be chosen of the file; none where there is only one. */
  environments: readonly string[];
}

/** An environment that a person is about to make. */
export class Draft extends Store<IDraft> {
  constructor(
    readonly kind: Kind,
    /** What it stands on, or is a clone of. */
    readonly from: Environment | null,
    specs: readonly string[],
    private readonly _api: Pick<Api, 'create' | 'stack' | 'clone' | 'makePlan' | 'applyPlan' | 'explain' | 'readFile'>,
    jobs: Jobs
  ) {
    super({ name: '', specs, byPip: [], file: null, read: null, environments: [] });
    this.operation = new Operation(_api, jobs);
  }

  readonly operation: Operation;

  setName(name: string): void {
    this.operation.forget();
    this.set({ name });
  }

  /** Have `spec`, by conda or by pip, in place of another of the same package; or no longer, where it is there already. */
  toggle(spec: string, by: 'specs' | 'byPip' = 'specs'): void {
    this.operation.forget();
    const { specs, byPip } = this.read();
    const others = (all: readonly string[]): string[] => all.filter(one => nameOf(one) !== nameOf(spec));
    const next = { specs: others(specs), byPip: others(byPip) };
    this.set({ ...next, ...(this.read()[by].includes(spec) ? {} : { [by]: [...next[by], spec] }) });
  }

  /** Whether `way` can be gone by asking for other packages here. */
  canTake(way: Way): boolean {
    return this.read().file === null && CHANGES_SPECS.includes(way.kind);
  }

  /** Ask for what `way` asks for. */
  take(way: Way): void {
    this.operation.reset();
    this.set({ specs: way.specs ?? [] });
  }

  /** Make it of what `file` says, if the server can read it; null: of specs again. */
  async setFile(file: GivenFile | null): Promise<void> {
    this.set({ file, read: null, environments: [] });
    this.operation.reset();
    await this._readFile();
  }

  /** Make it of that one of the file's environments. */
  async setEnvironment(environment: string): Promise<void> {
    const { file } = this.read();
    if (file) {
      this.set({ file: { ...file, environment }, read: null });
      this.operation.reset();
      await this._readFile();
    }
  }

  /** Go on where the server could not be reached. */
  resume(): void {
    this.operation.resume();
    void this._readFile();
  }

  private async _readFile(): Promise<void> {
    const { file, read: known } = this.read();
    if (!file || known) {
      return;
    }
    try {
      const read = await this._api.readFile(file);
      if (this.read().file === file) {
        this.set({ read, environments: read.environments });
      }
    } catch (error) {
      if (this.read().file === file && !troubleOf(error)) {
        this.set({ file: null });
        this.operation.refuse(failureOf(error));
      }
    }
  }

  /** Whether enough is said: a file may have a name of its own, and has to be read first. */
  get isReady(): boolean {
    const { name, file, read } = this.read();
    return file ? read !== null && this.isNamed : name.trim() !== '';
  }

  get isNamed(): boolean {
    const { name, read } = this.read();
    return name.trim() !== '' || (read !== null && read.name !== '');
  }

  /** Why the name cannot be had, by itself or as one of `others` has it. */
  fault(others: readonly Environment[]): Fault | null {
    const { read } = this.read();
    const name = this.read().name.trim() || (read?.name ?? '');
    return name === '' ? null : (faultOf(name) ?? (others.some(one => one.name === name) ? 'taken' : null));
  }

  async plan(): Promise<void> {
    await this.operation.plan(this._request());
  }

  /** Whether there is something left to be done here. */
  get isUnfinished(): boolean {
    return !this._made && this.operation.read().phase !== 'applying';
  }

  /** Make it, without a plan. */
  async make(): Promise<Outcome | null> {
    return this._ended(await this.operation.run(() => this._start(), this.kind === 'clone' ? null : this._request()));
  }

  /** Make it as the plan shows. */
  async apply(when: When): Promise<Outcome | null> {
    return this._ended(await this.operation.apply(when));
  }

  private _ended(outcome: Outcome | null): Outcome | null {
    this._made ||= outcome?.state === 'succeeded';
    return outcome;
  }

  private _start(): Promise<JobSummary> {
    switch (this.kind) {
      case 'create':
        return this._api.create(this._creation());
      case 'stack':
        return this._api.stack(this._stack());
      case 'clone':
        return this._api.clone(this.from?.prefix ?? '', this.read().name.trim());
    }
  }

  private _request(): NewPlan {
    return this.kind === 'stack' ? { verb: 'stack', ...this._stack() } : { verb: 'create', ...this._creation() };
  }

  private _creation(): NewEnvironment {
    const { name, specs, byPip, file } = this.read();
    const named = name.trim() === '' ? {} : { name: name.trim() };
    return file ? { ...named, file } : { ...named, specs: [...specs], pip: [...byPip] };
  }

  private _stack(): NewStack {
    const { name, specs, byPip } = this.read();
    return { name: name.trim(), specs: [...specs], pip: [...byPip], base: this.from?.prefix ?? '' };
  }

  private _made = false;
}
