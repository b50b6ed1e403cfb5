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
  /** The job that made the plan: it is what is applied. */
  planned: string;
  /** What was asked for when the plan was made. */
  asked: NewPlan | null;
  /** Why the last attempt came to nothing. */
  failure: Failure | null;
  /** The environment had changed since the plan that was shown before this one. */
  again: boolean;
}

const IDLE: IOperation = {
  phase: 'idle',
  job: '',
  plan: null,
  planned: '',
  asked: null,
  failure: null,
  again: false
};

/** One thing that a person does: perhaps a plan to look at first, then the job that does it, or why it failed. */
export class Operation extends Store<IOperation> {
  constructor(
    private readonly _api: Pick<Api, 'makePlan' | 'applyPlan'>,
    private readonly _jobs: Jobs
  ) {
    super(IDLE);
  }

  /** Be at rest. What is still under way goes on, and is no longer of interest here. */
  reset(): void {
    this._turn += 1;
    this.set(IDLE);
  }

  /** What is asked for is another thing now: why the last attempt failed is no longer of interest. */
  forget(): void {
    if (this.read().failure) {
      this.reset();
    }
  }

  async plan(asked: NewPlan, again = false): Promise<void> {
    const { turn, job, outcome } = await this._do('planning', () => this._api.makePlan(asked));
    if (turn === this._turn && outcome?.result?.result === 'planned') {
      this.set({ phase: 'planned', plan: outcome.result.plan, planned: job, asked, again });
    }
  }

  /** Do what the plan shows. Where the environment has changed since, a new plan is made and shown instead. */
  async apply(when: When): Promise<Outcome | null> {
    const { planned, asked } = this.read();
    const { turn, outcome } = await this._do('applying', () => this._api.applyPlan(planned, when));
    if (turn === this._turn && outcome?.failure?.code === 'outdated' && asked) {
      await this.plan(asked, true);
    }
    return outcome;
  }

  /** Do something without a plan. */
  async run(start: () => Promise<JobSummary>): Promise<Outcome | null> {
    return (await this._do('applying', start)).outcome;
  }

  async cancel(): Promise<void> {
    const { job } = this.read();
    if (job) {
      await this._jobs.cancel(job);
    }
  }

  /**
   * The job and its outcome; null where no job was started. Back at rest, with the failure if there was one.
   *
   * What was begun later has taken the turn: of what ends after that, nothing is shown.
   */
  private async _do(
    phase: Phase,
    start: () => Promise<JobSummary>
  ): Promise<{ turn: number; job: string; outcome: Outcome | null }> {
    const turn = (this._turn += 1);
    const show = (change: Partial<IOperation>): void => {
      if (turn === this._turn) {
        this.set(change);
      }
    };
    show({ ...IDLE, phase });
    let job = '';
    try {
      const summary = await start();
      job = summary.id;
      this._jobs.add(summary);
      show({ job });
      const outcome = await this._jobs.end(job);
      show({ ...IDLE, failure: outcome.failure ?? null });
      return { turn, job, outcome };
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      const { code, message, hint, details } = error;
      show({ ...IDLE, failure: { code, message, hint, details } });
      return { turn, job, outcome: null };
    }
  }

  private _turn = 0;
}
