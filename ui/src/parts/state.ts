/** A state has a colour, a word and a shape; never a colour alone. */
import type { StateName } from '../api/types';

const WORDS: Record<StateName, string> = {
  healthy: 'healthy',
  silent_degradation: 'silent degradation',
  wasteful: 'wasteful',
  overloaded: 'overloaded',
  service_degraded: 'service degraded',
  outage: 'outage',
  unknown: 'unknown',
};

/** Worst first, as they are listed and sorted everywhere. */
export const ORDER: StateName[] = [
  'outage',
  'silent_degradation',
  'overloaded',
  'service_degraded',
  'wasteful',
  'unknown',
  'healthy',
];

/** Paths in a 10 × 10 box, filled even-odd. */
const GLYPHS: Record<StateName, string> = {
  // disc
  healthy: 'M5 .5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z',
  // upper half full, lower half empty: the service lens is fine, the answers are not
  silent_degradation: 'M5 .5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM1.9 5.4a3.15 3.15 0 0 0 6.2 0z',
  // coin with a hole
  wasteful: 'M5 .5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM5 3a2 2 0 1 0 0 4a2 2 0 1 0 0-4z',
  // triangle up: too much load
  overloaded: 'M5 .6L9.7 9.2H.3z',
  // triangle down
  service_degraded: 'M5 9.4L9.7 .8H.3z',
  // square
  outage: 'M.8 .8h8.4v8.4H.8z',
  // broken ring
  unknown:
    'M5 .2a4.8 4.8 0 0 1 2.4.64l-.75 1.3A3.3 3.3 0 0 0 5 1.7zM9.16 2.6a4.8 4.8 0 0 1 .64 2.4h-1.5a3.3 3.3 0 0 0-.44-1.65zM9.16 7.4A4.8 4.8 0 0 1 7.4 9.16l-.75-1.3a3.3 3.3 0 0 0 1.2-1.2zM5 9.8a4.8 4.8 0 0 1-2.4-.64l.75-1.3A3.3 3.3 0 0 0 5 8.3zM.84 7.4A4.8 4.8 0 0 1 .2 5h1.5a3.3 3.3 0 0 0 .44 1.65zM.84 2.6A4.8 4.8 0 0 1 2.6.84l.75 1.3a3.3 3.3 0 0 0-1.2 1.2z',
};

const known = (state: string): state is StateName => Object.hasOwn(WORDS, state);

export function stateWord(state: string): string {
  return known(state) ? WORDS[state] : state.replace(/_/g, ' ');
}

export function glyph(state: string): string {
  return GLYPHS[known(state) ? state : 'unknown'];
}

/** Worst states first, names in order within one state. */
export function worstFirst<T extends { state: StateName; name: string }>(rows: T[]): T[] {
  return [...rows].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name));
}
