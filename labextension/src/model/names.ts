/** What is wrong with a name. */
export type Fault = 'reserved' | 'character' | 'long' | 'taken';

/** Bytes, as file systems count. */
const MOST = 255;
/** A slash and its kin, what is below 0x20 or is 0x7f, ends of lines, and what turns the direction of writing. */
const FORBIDDEN = /[/\\:#%]|[^\x80-\x9f\P{Cc}]|[\u2028-\u202e\u2066-\u2069]/u;

/** Why an environment cannot be called `name`, as `check_name` of the engine has it; null where it can. */
export function faultOf(name: string): Fault | null {
  if (['base', 'root'].includes(name) || /^[.-]/.test(name)) {
    return 'reserved';
  }
  if (FORBIDDEN.test(name)) {
    return 'character';
  }
  return new TextEncoder().encode(name).length > MOST ? 'long' : null;
}
