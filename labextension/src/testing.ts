import { ApiError, type JobHistory, type JobSummary, type NumberedEvent, type Outcome } from './api/client';

const CREATED = '2026-01-01T00:00:00Z';

export function summary(id: string, changes: Partial<JobSummary> = {}): JobSummary {
  return {
    id,
    state: 'running',
    verb: 'create',
    prefix: '/envs/geo',
    created: CREATED,
    host: '',
    author: '',
    ...changes
  };
}

export function numbered(...events: NumberedEvent['event'][]): NumberedEvent[] {
  return events.map((event, index) => ({ number: index + 1, time: CREATED, event }));
}

export function outcome(state: Outcome['state'], changes: Partial<Outcome> = {}): Outcome {
  return { state, time: CREATED, ...changes };
}

/** What is thrown where the server refuses something. */
export function refusal(code: string, message: string): Error {
  return new ApiError(code, message);
}

/** A server's jobs, whose histories tests write. */
export class FakeJobs {
  histories = new Map<string, JobHistory>();
  asked: [id: string, since: number][] = [];

  put(job: JobSummary, events: NumberedEvent[] = [], ended: Outcome | null = null): void {
    this.histories.set(job.id, { ...job, state: ended?.state ?? job.state, events, outcome: ended, more: false });
  }

  jobs = (): Promise<JobSummary[]> => Promise.resolve([...this.histories.values()].reverse());

  job = (id: string, since: number): Promise<JobHistory> => {
    this.asked.push([id, since]);
    const history = this.histories.get(id) as JobHistory;
    return Promise.resolve({ ...history, events: history.events.filter(event => event.number > since) });
  };

  cancel = (id: string): Promise<JobSummary> => Promise.resolve(this.histories.get(id) as JobHistory);
}
