import type { Api, Environment, JobSummary, NewPlan, Outcome } from '../api/client';
import type { Jobs } from './jobs';
import { Operation } from './operation';
import { nameOf } from './specs';
import { Store } from './store';

/** What is to be made: of packages alone, or from another environment, which then is the base or the source. */
export type Kind = 'create' | 'stack' | 'clone';

interface IDraft {
  name: string;
  specs: readonly string[];
}

/** An environment that a person is about to make. */
export class Draft extends Store<IDraft> {
  constructor(
    readonly kind: Kind,
    /** What it stands on, or is a clone of. */
    readonly from: Environment | null,
    specs: readonly string[],
    private readonly _api: Pick<Api, 'create' | 'stack' | 'clone' | 'makePlan' | 'applyPlan'>,
    jobs: Jobs
  ) {
    super({ name: '', specs });
    this.operation = new Operation(_api, jobs);
  }

  readonly operation: Operation;

  setName(name: string): void {
    this.set({ name });
  }

  /** Have `spec`, in place of another of the same package; or no longer, where it is there already. */
  toggle(spec: string): void {
    const { specs } = this.read();
    const others = specs.filter(one => nameOf(one) !== nameOf(spec));
    this.set({ specs: specs.includes(spec) ? others : [...others, spec] });
  }

  async plan(): Promise<void> {
    await this.operation.plan(this._request());
  }

  /** Make it, without a plan. */
  make(): Promise<Outcome | null> {
    return this.operation.run(() => this._start());
  }

  private _start(): Promise<JobSummary> {
    const { name, specs } = this.read();
    switch (this.kind) {
      case 'create':
        return this._api.create({ name, specs: [...specs] });
      case 'stack':
        return this._api.stack({ name, specs: [...specs], base: this.from?.prefix ?? '' });
      case 'clone':
        return this._api.clone(this.from?.prefix ?? '', name);
    }
  }

  private _request(): NewPlan {
    const { name, specs } = this.read();
    return this.kind === 'stack'
      ? { verb: 'stack', name, specs: [...specs], base: this.from?.prefix ?? '' }
      : { verb: 'create', name, specs: [...specs] };
  }
}
