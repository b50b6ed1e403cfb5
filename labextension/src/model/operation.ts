import { ApiError } from '../api/client';
import type { Api, Explanation, Failure, JobSummary, NewPlan, Outcome, Plan, When } from '../api/client';
import { troubleOf } from './connection';
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
  /** What was told while the plan was made, such as what it leaves out. */
  told: readonly string[];
  /** What was asked for when the plan was made, or when it came to nothing. */
  asked: NewPlan | null;
  /** Why the last attempt came to nothing. */
  failure: Failure | null;
  /** The job that came to nothing. */
  failed: string;
  /** The job that looks for what clashes and for ways out; empty where none does. */
  explaining: string;
  explanation: Explanation | null;
  /** The environment had changed since the plan that was shown before this one. */
  again: boolean;
}

const IDLE: IOperation = {
  phase: 'idle',
  job: '',
  plan: null,
  planned: '',
  told: [],
  asked: null,
  failure: null,
  failed: '',
  explaining: '',
  explanation: null,
  again: false
};

/** Seconds for which ways out are tried. */
const EXPLAIN = 60;

/** What an ApiError tells. Others are faults of ours, and raised again. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof ApiError)) {
    throw error;
  }
  const { code, message, hint, details } = error;
  return { code, message, hint, details };
}

/** One thing that a person does: perhaps a plan to look at first, then the job that does it, or why it failed. */
export class Operation extends Store<IOperation> {
  constructor(
    private readonly _api: Pick<Api, 'makePlan' | 'applyPlan' | 'explain'>,
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

  /** Say that what was given can be nothing. */
  refuse(failure: Failure): void {
    this.reset();
    this.set({ failure });
  }

  async plan(asked: NewPlan, again = false): Promise<void> {
    this._waiting = () => void this.plan(asked, again);
    await this._do(
      'planning',
      () => this._api.makePlan(asked),
      asked,
      ({ result }, planned) =>
        result?.result === 'planned'
          ? { phase: 'planned', plan: result.plan, planned, told: this._jobs.told(planned), asked, again }
          : {}
    );
  }

  /** Make the plan for which the server could not be reached. */
  resume(): void {
    const { phase, job } = this.read();
    if (phase === 'planning' && !job) {
      this._waiting?.();
    }
  }

  /** Do what the plan shows. Where the environment has changed since, a new plan is made and shown instead. */
  async apply(when: When): Promise<Outcome | null> {
    const { planned, asked } = this.read();
    const isOutdated = (outcome: Outcome | null): boolean => outcome?.failure?.code === 'outdated' && asked !== null;
    const { turn, outcome } = await this._do(
      'applying',
      () => this._api.applyPlan(planned, when),
      asked,
      ended => (isOutdated(ended) ? { phase: 'planning', failure: null } : {})
    );
    if (turn === this._turn && isOutdated(outcome) && asked) {
      await this.plan(asked, true);
    }
    return outcome;
  }

  /** Do what is `asked` without a plan; null where that is nothing that could be planned. */
  async run(start: () => Promise<JobSummary>, asked: NewPlan | null = null): Promise<Outcome | null> {
    return (await this._do('applying', start, asked)).outcome;
  }

  /** Whether it can be found out what clashes in what was asked for. */
  get isExplainable(): boolean {
    const { failure, asked } = this.read();
    return failure?.details?.explanation !== undefined && asked !== null && asked.verb !== 'rollback';
  }

  /** Find out what clashes in what was asked for, and try ways out. */
  async explain(): Promise<void> {
    const { asked } = this.read();
    if (!this.isExplainable || !asked || asked.verb === 'rollback') {
      return;
    }
    const turn = this._turn;
    const show = (change: Partial<IOperation>): void => {
      if (turn === this._turn) {
        this.set({ explaining: '', ...change });
      }
    };
    try {
      const summary = await this._api.explain({ seconds: EXPLAIN, ...asked });
      this._jobs.add(summary);
      show({ explaining: summary.id });
      const { result, failure } = await this._jobs.end(summary.id);
      show(result?.result === 'explained' ? { explanation: result.explanation } : {});
      if (failure && failure.code !== 'cancelled') {
        show({ failure });
      }
    } catch (error) {
      show(troubleOf(error) ? {} : { failure: failureOf(error) });
    }
  }

  /**
   * The outcome of the job; null where none was started. Back at rest, with the failure if there was one, or with what
   * comes `next`.
   *
   * What was begun later has taken the turn: of what ends after that, nothing is shown.
   */
  private async _do(
    phase: Phase,
    start: () => Promise<JobSummary>,
    asked: NewPlan | null,
    next: (outcome: Outcome, job: string) => Partial<IOperation> = () => ({})
  ): Promise<{ turn: number; outcome: Outcome | null }> {
    const turn = (this._turn += 1);
    const show = (change: Partial<IOperation>): void => {
      if (turn === this._turn) {
        this.set(change);
      }
    };
    const before = this.read();
    show({ ...IDLE, phase, asked });
    try {
      const summary = await start();
      const job = summary.id;
      this._jobs.add(summary);
      show({ job });
      const outcome = await this._jobs.end(job);
      const failed = outcome.failure ? { failure: outcome.failure, failed: job, asked } : {};
      show({ ...IDLE, ...failed, ...next(outcome, job) });
      return { turn, outcome };
    } catch (error) {
      if (!troubleOf(error)) {
        show({ ...IDLE, failure: failureOf(error), asked });
      } else if (phase !== 'planning') {
        show(before); // whether it was begun is not known, so that it is not begun again unasked
      }
      return { turn, outcome: null };
    }
  }

  private _turn = 0;
  private _waiting: (() => void) | null = null;
}
