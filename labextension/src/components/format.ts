import type { TranslationBundle } from '@jupyterlab/translation';

import type { Lock, Room } from '../api/client';
import type { IProgress } from '../model/jobs';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const SPANS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

/** `1.2 GB`, as `jupyter condaenv storage` says it. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** `1.2 MB more on the disk; 12 kB freed at once`. */
export function roomOf({ bytes: added, unknown, freed = 0, held = 0 }: Room, trans: TranslationBundle): string {
  return [
    unknown ? trans.__('At least %1 more on the disk', bytes(added)) : trans.__('%1 more on the disk', bytes(added)),
    freed > 0 ? trans.__('%1 freed at once', bytes(freed)) : '',
    held > 0 ? trans.__('%1 freed by “jupyter condaenv clean” once no environment needs it', bytes(held)) : ''
  ]
    .filter(part => part)
    .join('; ');
}

/** Why others cannot use `lock` as it is, as `jupyter condaenv lock` says it; empty where they can. */
export function notElsewhere({ packages, base }: Lock, trans: TranslationBundle): string {
  const places = packages.filter(one => one.url.startsWith('file:')).map(one => one.channel);
  return [
    places.length > 0
      ? trans.__('Packages of this lock come from folders of this machine: %1.', [...new Set(places)].join(', '))
      : '',
    base ? trans.__('It stands on %1, which it does not hold: it can be used where that is.', base.prefix) : ''
  ]
    .filter(part => part)
    .join(' ');
}

/** `2 minutes ago`, seen from `now` in milliseconds. */
export function ago(time: string, now: number, trans: TranslationBundle): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang || undefined, { numeric: 'auto' });
  for (const [unit, span] of SPANS) {
    if (Math.abs(seconds) >= span) {
      return format.format(Math.round(seconds / span), unit);
    }
  }
  return trans.__('just now');
}

/** `12 MB of 40 MB`. */
export function amount(progress: IProgress, trans: TranslationBundle): string {
  const told = (count: number): string => {
    switch (progress.unit) {
      case 'bytes':
        return bytes(count);
      case 'seconds':
        return trans._n('%1 second', '%1 seconds', count);
      case 'files':
        return trans._n('%1 file', '%1 files', count);
      default:
        return trans._n('%1 package', '%1 packages', count);
    }
  };
  const { done, total, unit } = progress;
  if (total > 0) {
    return trans.__('%1 of %2', unit === 'bytes' ? bytes(done) : done, told(total));
  }
  return done > 0 ? told(done) : '';
}

/** The last part of a path. */
export function baseName(prefix: string): string {
  return prefix.split('/').pop() || prefix;
}

/** What a job is about, in a few words. */
export function titleOf(
  job: { verb: string; prefix: string; planned?: string; words?: string },
  trans: TranslationBundle
): string {
  const name = baseName(job.prefix);
  const change = job.words ? trans.__('Change %1: %2', name, job.words) : trans.__('Change %1', name);
  switch (job.verb === 'apply' ? job.planned || 'change' : job.verb) {
    case 'create':
      return trans.__('Create %1', name);
    case 'stack':
      return trans.__('Stack %1', name);
    case 'clone':
      return trans.__('Clone to %1', name);
    case 'change':
    case 'add':
    case 'update':
      return change;
    case 'apply_deferred':
      return trans.__('Finish change of %1', name);
    case 'drop_deferred':
      return trans.__('Give up change of %1', name);
    case 'rollback':
      return trans.__('Roll back %1', name);
    case 'remove':
      // Of packages, where a plan of that is applied.
      return job.verb === 'apply' ? change : trans.__('Delete %1', name);
    case 'kernel':
      return trans.__('Write kernel of %1', name);
    case 'plan':
      return trans.__('Plan for %1', name);
    case 'explain':
    case 'why_not':
      return trans.__('Explain %1', name);
    case 'move':
      return trans.__('Move to %1', name);
    case 'adopt':
      return trans.__('Take over %1', name);
    case 'pack':
      return trans.__('Pack %1', name);
    case 'unpack':
      return trans.__('Unpack %1', name);
    case 'annotate':
      return trans.__('Change notes of %1', name);
    case 'doctor':
      return trans.__('Check %1', name);
    case 'lock':
      return name ? trans.__('Lock %1', name) : trans.__('Lock');
    case 'clean':
      return trans.__('Clean up');
    case 'check_channels':
      return trans.__('Check channels');
    case 'scan':
      return trans.__('Look for environments');
    case 'storage':
      return trans.__('Measure sizes');
    case 'index':
      return trans.__('Fetch package lists');
    case 'build':
      return trans.__('Build a package');
    default:
      return name ? `${job.verb} ${name}` : job.verb;
  }
}
