import { Signal } from '@lumino/signaling';

import { ApiError } from '../api/client';
import type { Api, JobSummary, NumberedEvent, Outcome } from '../api/client';
import { Store } from './store';

export const SCHEMA = 'urn:jupyter_condaenv:events:job:v1';

/** How many jobs are listed, of those that go on or were to change something. */
const MOST = 50;
/**
 * Milliseconds between two looks: at a job that runs, while hints come and while there are none; and at the list while
 * nothing runs, since a server gives no hints about what other programs start.
 */
const LOOK = { hinted: 10_000, blind: 1_500, idle: 10_000 };

export type State = JobSummary['state'];

export interface ILine {
  number: number;
  time: string;
  kind: 'step' | 'info' | 'warning';
  text: string;
}

export interface IProgress {
  done: number;
  total: number;
  unit: 'bytes' | 'files' | 'packages' | 'seconds';
  item: string;
}

/** A job, and as much of its history as has been read. */
export interface IJob extends JobSummary {
  /** The number of the last event that was read. */
  number: number;
  step: string;
  progress: IProgress | null;
  log: readonly ILine[];
  outcome: Outcome | null;
}

/** What arrives when a job has come further; it may be lost or come twice. */
export interface IHint {
  id: string;
  state: State;
  number: number;
}

interface IJobs {
  /** Newest first. */
  jobs: readonly IJob[];
  loaded: boolean;
}

/** What changes nothing but caches, and is often done unasked: not worth a line once it has ended. */
const LOOKING = ['plan', 'explain', 'why_not', 'lock', 'storage', 'index', 'check_channels', 'scan'];

/** Whether a person would want to know of it. */
export function isOfInterest({ verb, state }: JobSummary): boolean {
  return !hasEnded(state) || !LOOKING.includes(verb);
}

export function hasEnded(state: State): boolean {
  return state !== 'queued' && state !== 'running';
}

/** A job of which only the heading is known. */
export function unread(summary: JobSummary): IJob {
  return { ...summary, number: 0, step: '', progress: null, log: [], outcome: null };
}

/** The job after these events, of which those that it knows already are left out. */
export function fold(job: IJob, events: readonly NumberedEvent[]): IJob {
  let { number, step, progress } = job;
  const log = [...job.log];
  for (const { number: next, time, event } of events) {
    if (next <= number) {
      continue;
    }
    number = next;
    switch (event.event) {
      case 'step':
        step = event.text;
        progress = null;
        log.push({ number, time, kind: 'step', text: event.text });
        break;
      case 'progress':
        progress = {
          done: event.done,
          total: event.total ?? 0,
          unit: event.unit ?? 'packages',
          item: event.item ?? ''
        };
        break;
      case 'message':
        log.push({ number, time, kind: event.level ?? 'info', text: event.text });
        break;
    }
  }
  return { ...job, number, step, progress, log };
}

/**
 * The jobs that the server knows, whoever started them.
 *
 * Their numbered histories are the truth. A hint only says that it is time to read on; without hints the jobs that run
 * are looked at now and then.
 */
export class Jobs extends Store<IJobs> {
  constructor(private readonly _api: Pick<Api, 'jobs' | 'job' | 'cancel'>) {
    super({ jobs: [], loaded: false });
  }

  /** A job has ended while we looked on. */
  readonly ended = new Signal<this, IJob>(this);
  /** Nothing runs, and it is time to look what other programs have done. */
  readonly idle = new Signal<this, void>(this);
  /** The server could not be reached. */
  readonly failed = new Signal<this, ApiError>(this);

  get(id: string): IJob | undefined {
    return this.read().jobs.find(job => job.id === id);
  }

  /** What the job has told besides its steps. */
  told(id: string): readonly string[] {
    return (this.get(id)?.log ?? []).filter(line => line.kind !== 'step').map(line => line.text);
  }

  /** What is going on, if anything, at `prefix`. */
  running(prefix: string): IJob | undefined {
    return this.read().jobs.find(job => job.prefix === prefix && !hasEnded(job.state));
  }

  async refresh(): Promise<void> {
    const { loaded } = this.read();
    const summaries = await this._api.jobs(MOST);
    const listed = new Set(summaries.map(summary => summary.id));
    const unknown = summaries.filter(summary => !this.get(summary.id));
    // What runs stays in sight, however much was started after it.
    const older = this.read().jobs.filter(job => !hasEnded(job.state) && !listed.has(job.id));
    const jobs = summaries.map(summary => this.get(summary.id) ?? unread(summary));
    this.set({ loaded: true, jobs: [...jobs, ...older] });
    for (const job of this.read().jobs) {
      if (!hasEnded(job.state)) {
        void this.readOn(job.id);
      }
    }
    this._lookAgain();
    for (const job of unknown) {
      if (loaded && hasEnded(job.state)) {
        this.ended.emit(unread(job));
      }
    }
  }

  /** A job that was just started: it is listed at once. */
  add(summary: JobSummary): void {
    this._own.add(summary.id);
    if (!this.get(summary.id)) {
      this.set({ jobs: [unread(summary), ...this.read().jobs] });
    }
    void this.readOn(summary.id);
    this._lookAgain();
  }

  /** Whether it was started here. */
  isOwn(id: string): boolean {
    return this._own.has(id);
  }

  /** How the job ended. */
  async end(id: string): Promise<Outcome> {
    for (;;) {
      const outcome = this.get(id)?.outcome;
      if (outcome) {
        return outcome;
      }
      await new Promise<void>(resolve => {
        const stop = this.subscribe(() => {
          if (this.get(id)?.outcome) {
            stop();
            resolve();
          }
        });
      });
    }
  }

  async cancel(id: string): Promise<void> {
    await this._api.cancel(id);
    await this.readOn(id);
  }

  hint(hint: IHint): void {
    this._hinted = true;
    const job = this.get(hint.id);
    if (!job) {
      void this._tellFailure(this.refresh());
    } else if (hint.number > job.number || (hasEnded(hint.state) && !job.outcome)) {
      void this.readOn(hint.id);
    }
  }

  /** Read the history from where it was left. Calls that come while it is read make it be read once more. */
  readOn(id: string): Promise<void> {
    const reading = this._reading.get(id);
    if (reading) {
      reading.again = true;
      return reading.done;
    }
    const entry = { again: false, done: Promise.resolve() };
    this._reading.set(id, entry);
    entry.done = this._tellFailure(this._readAll(id, entry)).finally(() => this._reading.delete(id));
    return entry.done;
  }

  dispose(): void {
    clearTimeout(this._timer);
    this._disposed = true;
    Signal.clearData(this);
  }

  private async _readAll(id: string, entry: { again: boolean }): Promise<void> {
    for (;;) {
      entry.again = false;
      const job = this.get(id);
      if (!job || job.outcome) {
        return;
      }
      const { events, outcome, more, state } = await this._api.job(id, job.number);
      const read = { ...fold(job, events), state: more ? job.state : state, outcome: more ? null : outcome };
      this._replace(read);
      if (read.outcome && !hasEnded(job.state)) {
        this.ended.emit(read);
      }
      if (!more && !entry.again) {
        return;
      }
    }
  }

  private _replace(job: IJob): void {
    this.set({ jobs: this.read().jobs.map(one => (one.id === job.id ? job : one)) });
  }

  private async _tellFailure(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      this.failed.emit(error);
    }
  }

  private _lookAgain(): void {
    clearTimeout(this._timer);
    if (this._disposed) {
      return;
    }
    const runs = this.read().jobs.some(job => !hasEnded(job.state));
    this._hinted = this._hinted && runs;
    this._timer = setTimeout(() => this._look(), runs ? (this._hinted ? LOOK.hinted : LOOK.blind) : LOOK.idle);
  }

  private _look(): void {
    const running = this.read().jobs.filter(job => !hasEnded(job.state));
    running.forEach(job => void this.readOn(job.id));
    if (running.length === 0 && !document.hidden) {
      void this._tellFailure(this.refresh());
      this.idle.emit();
    }
    this._lookAgain();
  }

  private _disposed = false;
  private _hinted = false;
  private readonly _own = new Set<string>();
  private readonly _reading = new Map<string, { again: boolean; done: Promise<void> }>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
