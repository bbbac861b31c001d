/**
 * Numbers and times as words. Three things are never mixed up: absent ("no data"), zero ("0") and
 * small ("< 0.1%"). Estimates show the digits that their interval supports and no more.
 */
import type { Estimate } from './api/types';

export const NO_DATA = 'no data';
const MINUS = '\u2212';
const NARROW = '\u00a0';

type Maybe = number | null | undefined;

const absent = (x: Maybe): x is null | undefined => x === null || x === undefined || !Number.isFinite(x);

/** Fixed decimals, with thousands grouped, a true minus, and no negative zero. */
export function fixed(x: number, decimals: number): string {
  const text = Math.abs(x).toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return x < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

export function count(x: Maybe): string {
  return absent(x) ? NO_DATA : fixed(x, 0);
}

/** A count that may be huge: 912,331, 1.2 million, 20 billion. */
export function large(x: Maybe): string {
  if (absent(x) || Math.abs(x) < 1e6) return count(x);
  const [unit, name] = Math.abs(x) >= 1e9 ? [1e9, 'billion'] : [1e6, 'million'];
  return `${given(Number((x / unit).toPrecision(2)))}${NARROW}${name}`;
}

/** Two or three significant digits: 0.12, 3.1, 41, 1,840. */
export function rough(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  const size = Math.abs(x);
  if (size === 0) return '0';
  if (size < 0.01) return `<${NARROW}0.01`;
  if (size < 1) return fixed(x, 2);
  if (size < 10) return fixed(x, 1);
  return fixed(x, 0);
}

/** A number that somebody wrote down (an objective, a budget): no digit added. */
export function given(x: number): string {
  return String(Number(x.toPrecision(6)));
}

export const givenSeconds = (x: number): string => (x < 1 ? `${given(x * 1000)}${NARROW}ms` : `${given(x)}${NARROW}s`);
export const givenPercent = (x: number): string => `${given(x * 100)}%`;

/** A share as a percentage. Never rounds a failure to nothing, nor a near miss to everything. */
export function percent(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  const value = x * 100;
  if (value === 0) return '0%';
  if (value > 0 && value < 0.1) return `<${NARROW}0.1%`;
  if (value > 99.9 && value < 100) return `>${NARROW}99.9%`;
  if (value < 10 || (value > 99 && value < 100)) return `${fixed(value, 1)}%`;
  return `${fixed(value, 0)}%`;
}

/** A latency. */
export function seconds(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  if (x === 0) return `0${NARROW}ms`;
  if (x < 0.001) return `<${NARROW}1${NARROW}ms`;
  if (x < 0.00995) return `${fixed(x * 1000, 1)}${NARROW}ms`;
  if (x < 0.9995) return `${fixed(x * 1000, 0)}${NARROW}ms`;
  if (x < 9.95) return `${fixed(x, 1)}${NARROW}s`;
  if (x < 119.5) return `${fixed(x, 0)}${NARROW}s`;
  return duration(x);
}

/** A span of time in at most two units. */
export function duration(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  const whole = Math.max(0, Math.round(x));
  if (whole < 60) return `${whole}${NARROW}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}${NARROW}min`;
  const hours = Math.floor(minutes / 60);
  const left = minutes % 60;
  if (hours < 24) return left ? `${hours}${NARROW}h ${left}${NARROW}min` : `${hours}${NARROW}h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days}${NARROW}d ${hours % 24}${NARROW}h` : `${days}${NARROW}d`;
}

/** Money: cents from a dime up, two significant digits below. */
export function usd(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  const size = Math.abs(x);
  if (size === 0 || size >= 0.1) return `${x < 0 ? MINUS : ''}$${fixed(size, 2)}`;
  if (size < 0.00001) return `<${NARROW}$0.00001`;
  const decimals = Math.min(6, 1 - Math.floor(Math.log10(size)));
  return `${x < 0 ? MINUS : ''}$${fixed(size, decimals)}`;
}

export function bytes(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = x;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 9.95 ? fixed(value, 1) : fixed(value, 0)}${NARROW}${units[unit]}`;
}

/** Decimals that an interval supports: its half-width decides the last digit that means something. */
export function decimalsFor(lower: number, upper: number, most = 3): number {
  const half = Math.abs(upper - lower) / 2;
  if (half === 0) return most;
  return Math.min(most, Math.max(0, Math.ceil(-Math.log10(half) - 1e-9)));
}

const METHODS: Record<string, string> = {
  student_t: 'fixed-n t',
  betting: 'fixed-n betting',
  wilson: 'fixed-n Wilson',
  asymptotic_sequence: 'anytime-valid',
  empirical_bernstein: 'anytime-valid',
};

/** How an interval was made: for one look at it (fixed-n), or for as many as you like (anytime-valid). */
export const method = (e: Estimate): string => METHODS[e.method] ?? e.method.replaceAll('_', ' ');

export interface EstimateWords {
  value: string;
  interval: string;
  judged: string;
}

/** A score in [0, 1] with its 95% interval and its number of judged samples. */
export function estimate(e: Estimate): EstimateWords {
  const decimals = Math.max(1, decimalsFor(e.lower, e.upper));
  return {
    value: fixed(e.value, decimals),
    interval: `[${fixed(e.lower, decimals)}, ${fixed(e.upper, decimals)}]`,
    judged: `${count(e.n_judged)} judged`,
  };
}

/** A share with its interval, as a percentage. */
export function share(e: Estimate): EstimateWords {
  const decimals = decimalsFor(e.lower * 100, e.upper * 100, 2);
  const show = (x: number) => fixed(x * 100, decimals);
  return {
    value: `${show(e.value)}%`,
    interval: `[${show(e.lower)}, ${show(e.upper)}]%`,
    judged: `of ${count(e.n_judged)}`,
  };
}

const RAISED = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/** Evidence against "nothing changed": plain below a thousand, powers of ten above. */
export function evidence(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  if (x < 1000) return x >= 10 ? fixed(x, 0) : x >= 0.1 || x === 0 ? fixed(x, 1) : `<${NARROW}0.1`;
  let power = Math.floor(Math.log10(x));
  let lead = x / 10 ** power;
  if (lead >= 9.95) {
    lead /= 10;
    power += 1;
  }
  const raised = [...String(power)].map((digit) => RAISED[Number(digit)]).join('');
  const shown = Math.abs(lead - Math.round(lead)) < 0.05 ? fixed(lead, 0) : fixed(lead, 1);
  return `${shown}${NARROW}×${NARROW}10${raised}`;
}

/** A p-value: two decimals, and never a bare zero. */
export function pValue(x: Maybe): string {
  if (absent(x)) return NO_DATA;
  return x <= 0.01 ? `≤${NARROW}0.01` : fixed(x, 2);
}

/** snake_case or kebab-case as words. */
export function words(name: string): string {
  return name.replace(/[_-]+/g, ' ');
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const two = (n: number) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Hours and minutes, UTC as everywhere on the page. */
export function clock(ms: number, withSeconds = false): string {
  const t = new Date(ms);
  const text = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
  return withSeconds ? `${text}:${two(t.getUTCSeconds())}` : text;
}

export function day(ms: number): string {
  const t = new Date(ms);
  return `${t.getUTCDate()} ${MONTHS[t.getUTCMonth()]}`;
}

/** The clock when it was today, day and clock otherwise. */
export function moment(ms: number, now: number, withSeconds = false): string {
  const far = day(ms) !== day(now) || Math.abs(now - ms) > 86_400_000;
  return far ? `${day(ms)} ${clock(ms, withSeconds)}` : clock(ms, withSeconds);
}
