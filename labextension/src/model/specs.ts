import type { Way } from '../api/client';

/** Ways out of a conflict that ask for other packages, and for nothing else. */
export const CHANGES_SPECS: readonly Way['kind'][] = ['relax', 'drop'];

const OPERATOR = /[\s<>=!~;[(@]/;

/** The name of the package that `spec` is about: of `conda-forge::numpy >=2` it is `numpy`. */
export function nameOf(spec: string): string {
  const own = spec.trim().split('::').pop() ?? '';
  return own.split(OPERATOR, 1)[0].toLowerCase();
}

/** Whether `spec` says more than a name. */
export function isNarrowed(spec: string): boolean {
  return spec.includes('::') || OPERATOR.test(spec.trim());
}

/** The specs in what was typed or pasted: one a line, or with commas that separate no version from another. */
export function split(text: string): string[] {
  return text
    .split(/\n|,\s*(?=[a-z_][\w.:-]*)/i)
    .map(part => part.trim())
    .filter(part => part !== '');
}
