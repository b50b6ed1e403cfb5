import { Signal } from '@lumino/signaling';

import { ApiError } from '../api/client';
import { Store } from './store';

/** Milliseconds until the next attempt: a server that is away comes back soon, of others somebody has to take care. */
const RETRY = { offline: 3_000, no_extension: 15_000, logged_out: 15_000 };

const TROUBLES = ['offline', 'no_extension', 'logged_out'] as const;

/** Why nothing can be had of the server: it is away, lacks the extension, or no longer knows who asks. */
export type Trouble = (typeof TROUBLES)[number];

/** The trouble that `error` tells of; null where the server has answered. */
export function troubleOf(error: unknown): Trouble | null {
  return (error instanceof ApiError && TROUBLES.find(one => one === error.code)) || null;
}

/** Whether the server can be asked, as every call to it shows. While it cannot, it is tried again and again. */
export class Connection extends Store<{ trouble: Trouble | null }> {
  constructor(
    /** Ask for something. */
    private readonly _attempt: () => Promise<void>
  ) {
    super({ trouble: null });
  }

  /** The server can be asked again. */
  readonly back = new Signal<this, void>(this);

  /** The same calls, from each of which it is seen here whether the server answers. */
  watch<Calls extends object>(calls: Calls): Calls {
    const watched = Object.entries(calls).map(([name, call]: [string, (...given: unknown[]) => Promise<unknown>]) => [
      name,
      async (...given: unknown[]) => {
        try {
          const answer = await call(...given);
          this._see(null);
          return answer;
        } catch (error) {
          this._see(troubleOf(error));
          throw error;
        }
      }
    ]);
    return Object.fromEntries(watched) as Calls;
  }

  async retry(): Promise<void> {
    clearTimeout(this._timer);
    await this._attempt();
  }

  dispose(): void {
    clearTimeout(this._timer);
    this._disposed = true;
    Signal.clearData(this);
  }

  private _see(trouble: Trouble | null): void {
    if (this._disposed) {
      return;
    }
    const before = this.read().trouble;
    if (trouble !== before) {
      this.set({ trouble });
    }
    clearTimeout(this._timer);
    if (trouble) {
      this._timer = setTimeout(() => void this.retry(), RETRY[trouble]);
    } else if (before) {
      this.back.emit();
    }
  }

  private _disposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
