import { ApiError } from '../api/client';
import type { Api, Failure, JobSummary, NewPlan, Outcome, Plan, When } from '../api/client';
import type { Jobs } from './jobs';
import { Store } from './store';

type Phase = 'idle' | 'planning' | 'planned' | 'applying';

interface IOperation {
  phase: Phase;
  /** The job that is under way; empty where none is. */
  job: string;
  plan: Plan | null;
  /** Why the last attempt came to nothing. */
  failure: Failure | null;
  /** The environment had changed since the plan that was shown before this one. */
  again: boolean;
}

const IDLE: IOperation = { phase: 'idle', job: '', plan: null, failure: null, again: false };

/** One thing that a person does: perhaps a plan to look at first, then the job that does it, or why it failed. */
export class Operation extends Store<IOperation> {
  constructor(
    private readonly _api: Pick<Api, 'makePlan' | 'applyPlan'>,
    private readonly _jobs: Jobs
  ) {
    super(IDLE);
  }

  /** What was asked for when the plan was made. */
  get asked(): NewPlan | null {
    return this._asked;
  }

  reset(): void {
    this.set(IDLE);
  }

  /** What is asked for is another thing now: why the last attempt failed is no longer of interest. */
  forget(): void {
    if (this.read().failure) {
      this.reset();
    }
  }

  async plan(body: NewPlan, again = false): Promise<void> {
    this._asked = body;
    const outcome = await this._do('planning', () => this._api.makePlan(body));
    if (outcome?.result?.result === 'planned') {
      this.set({ phase: 'planned', plan: outcome.result.plan, again });
    }
  }

  /** Do what the plan shows. Where the environment has changed since, a new plan is made and shown instead. */
  async apply(when: When): Promise<Outcome | null> {
    const id = this._planned;
    const outcome = await this._do('applying', () => this._api.applyPlan(id, when));
    if (outcome?.failure?.code === 'outdated' && this._asked) {
      await this.plan(this._asked, true);
    }
    return outcome;
  }

  /** Do something without a plan. */
  run(start: () => Promise<JobSummary>): Promise<Outcome | null> {
    return this._do('applying', start);
  }

  async cancel(): Promise<void> {
    const { job } = this.read();
    if (job) {
      await this._jobs.cancel(job);
    }
  }

  /** The outcome; null where no job was started. Back at rest, with the failure if there was one. */
  private async _do(phase: Phase, start: () => Promise<JobSummary>): Promise<Outcome | null> {
    this.set({ phase, failure: null });
    try {
      const summary = await start();
      if (phase === 'planning') {
        this._planned = summary.id;
      }
      this._jobs.add(summary);
      this.set({ job: summary.id });
      const outcome = await this._jobs.end(summary.id);
      this.set({ ...IDLE, failure: outcome.failure ?? null });
      return outcome;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      const { code, message, hint, details } = error;
      this.set({ ...IDLE, failure: { code, message, hint, details } });
      return null;
    }
  }

  private _asked: NewPlan | null = null;
  private _planned = '';
}
