/** Something that is seen as a whole: each change makes a new state, and tells those who look on. */
export class Store<State extends object> {
  constructor(private _state: State) {}

  read = (): State => this._state;

  subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => {
      this._listeners.delete(listener);
    };
  };

  protected set(changes: Partial<State>): void {
    this._state = { ...this._state, ...changes };
    for (const listener of this._listeners) {
      listener();
    }
  }

  private readonly _listeners = new Set<() => void>();
}
