import type { Way } from '../api/client';

/** Ways out of a conflict that ask for other packages, and for nothing else. */
export const CHANGES_SPECS: readonly Way['kind'][] = ['rename', 'relax', 'drop'];

const OPERATOR = /[\s<>=!~;[(@]/;

/** The name of the package that `spec` is about: of `conda-forge::numpy >=2` it is `numpy`. */
export function nameOf(spec: string): string {
  const own = spec.trim().split('::').pop() ?? '';
  return own.split(OPERATOR, 1)[0].toLowerCase();
}

const NAME = /^_?[a-z0-9][\w.-]*$/;

/** Whether the package of `spec` may come from any channel that is searched. */
export function isOfAnyChannel(spec: string): boolean {
  return NAME.test(nameOf(spec)) && !/::|\[/.test(spec);
}

/** Whether `spec` says more than a name. */
export function isNarrowed(spec: string): boolean {
  return spec.includes('::') || OPERATOR.test(spec.trim());
}

/**
 * The specs in what was typed or pasted: on lines of their own, or with commas or spaces between them.
 *
 * A comma or a space within a version separates nothing, nor does the one before a build: `numpy 1.20 py39_0`.
 */
export function split(text: string): string[] {
  return text.split(/[\n\r]|,\s*(?=[a-z_][\w.:-]*)/i).flatMap(splitWords);
}

const BEGINNING = /^[a-z_][\w.:/-]*/i;
const BUILD = /_\d+$|\*/;
const COMPARES = /[<>=!~]/;

function splitWords(line: string): string[] {
  const specs: string[][] = [];
  for (const word of line.trim().split(/\s+/)) {
    const last = specs[specs.length - 1];
    const isBuild = last?.length === 2 && BUILD.test(word) && !COMPARES.test(word);
    if (last && (!BEGINNING.test(word) || isBuild)) {
      last.push(word);
    } else if (word) {
      specs.push([word]);
    }
  }
  return specs.map(words => words.join(' '));
}
