/** What the rows of both lenses have in common: their shape, their gaps, and how a time finds its value. */
import { NO_DATA, moment } from '../format';
import type { NumberKey } from '../numbers';

export type Values = (number | null)[];

export interface Reading {
  value: string;
  detail: string;
}

export interface Tint {
  from: number;
  to: number;
  strong: boolean;
}

export interface LensRow {
  key: string;
  /** What its numbers are called in the guide. */
  number: NumberKey;
  lens: 'quantity' | 'quality';
  title: string;
  sub: string;
  x: number[];
  /** Seconds from one point to the next. */
  pace: number;
  main: Values;
  lower: Values | null;
  upper: Values | null;
  thin: Values | null;
  base: number | null;
  range: [number, number];
  edges: [string, string];
  /** What to say at one index. */
  read: (index: number) => Reading;
  /** What to say when nobody points: the estimate of the window, or the newest value. */
  latest: Reading;
  tints: Tint[];
}

/** Puts a null into every hole wider than `most` seconds, so that lines break there. */
export function withGaps(x: number[], columns: Values[], most: number): { x: number[]; columns: Values[] } {
  const times: number[] = [];
  const out: Values[] = columns.map(() => []);
  x.forEach((t, i) => {
    const before = x[i - 1];
    if (before !== undefined && t - before > most) {
      times.push(before + (t - before) / 2);
      out.forEach((column) => column.push(null));
    }
    times.push(t);
    columns.forEach((column, c) => out[c]?.push(column[i] ?? null));
  });
  return { x: times, columns: out };
}

/** Seconds from one point to the next: the step, or more where steps were joined because too little was judged in each. */
export function paceOf(x: number[], step: number): number {
  const apart = x.slice(1).map((t, i) => t - (x[i] ?? t));
  apart.sort((a, b) => a - b);
  return Math.max(step, apart[apart.length >> 1] ?? step);
}

export function lastKnown(values: Values): number {
  for (let i = values.length - 1; i >= 0; i -= 1) if (values[i] !== null && values[i] !== undefined) return i;
  return -1;
}

/** The index nearest to `time`, if one is within `reach` seconds. */
export function nearest(x: number[], time: number, reach: number): number {
  let low = 0;
  let high = x.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  const after = x[low];
  const before = x[low - 1];
  if (after === undefined) return -1;
  const best = before !== undefined && time - before < after - time ? low - 1 : low;
  return Math.abs((x[best] ?? 0) - time) <= reach ? best : -1;
}

export const known = (values: Values | null): number[] => (values ?? []).filter((v): v is number => v !== null);
export const nothing: Reading = { value: NO_DATA, detail: '' };

/** An old value is not the current one: it is named with its time, and "no data" stands in its place. */
export function current(x: number[], newest: number, step: number, end: number, read: (i: number) => Reading): Reading {
  const time = x[newest];
  if (time === undefined) return nothing;
  const reading = read(newest);
  if (end - time <= Math.max(4 * step, 300)) return reading;
  return { value: NO_DATA, detail: `last ${reading.value} at ${moment(time * 1000, end * 1000)}` };
}
