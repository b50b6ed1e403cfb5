/** Of a question that is asked again and again, the last time: answers may come in another order. */
export class Latest {
  /** It is asked now. The result says, once there is an answer, whether it has not been asked again since. */
  ask(): () => boolean {
    const turn = (this._turn += 1);
    return () => turn === this._turn;
  }

  private _turn = 0;
}
