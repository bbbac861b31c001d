/** Where targets lie on the plane of service and quality, and where their names find room. */
import type { TargetRow } from '../api/types';
import { clamp } from './scale';

/** Latency objectives are p95s: below 95% of requests within objectives, the service misses them. */
export const GOOD_SERVICE = 0.95;
const GOOD_ANSWERS = 0.8;

export interface Mark {
  row: TargetRow;
  x: number;
  y: number;
  lower: number;
  upper: number;
  radius: number;
  trail: [number, number | null][];
}

/** Points of the trail whose both coordinates are known. */
const known = (row: TargetRow) => row.trail.filter((p): p is [number, number] => p[0] !== null && p[1] !== null);

export interface Frame {
  x0: number;
  y0: number;
  /** Answers count as good above this line: the lowest baseline, less what 0.05 forgives. */
  divide: number;
}

const placeable = (row: TargetRow) => row.within_objectives !== null && row.quality !== null;

/** Edges snap to a few round values, so that the picture keeps still while numbers move. */
export function frame(rows: TargetRow[]): Frame {
  const placed = rows.filter(placeable);
  const xs = placed.flatMap((r) => [r.within_objectives ?? 1, ...known(r).map(([x]) => x)]);
  const ys = placed.flatMap((r) => [
    r.quality?.lower ?? 1,
    ...known(r).map(([, q]) => q),
  ]);
  const baselines = placed.map((r) => r.baseline).filter((b): b is number => b !== null);
  const divide = baselines.length ? Math.floor((Math.min(...baselines) - 0.02) * 20) / 20 : GOOD_ANSWERS;
  const lowest = Math.min(1, ...xs) - 0.02;
  const x0 = [0.8, 0.6, 0.4, 0.2].find((edge) => edge <= lowest) ?? 0;
  const bottom = Math.min(divide - 0.1, ...ys.map((y) => y - 0.03));
  const y0 = clamp(Math.floor(bottom * 5) / 5, 0, 0.6);
  return { x0, y0, divide };
}

/** Area is money: twice the cost, twice the area. Unknown cost is the smallest ring. */
export function radius(costPerHour: number | null, dearest: number): number {
  if (costPerHour === null || costPerHour <= 0 || dearest <= 0) return 5;
  return 5 + 11 * Math.sqrt(costPerHour / dearest);
}

export function marks(rows: TargetRow[], x: (v: number) => number, y: (v: number) => number): Mark[] {
  const dearest = Math.max(0, ...rows.map((r) => r.cost_usd_per_hour ?? 0));
  return rows
    .filter(placeable)
    .map((row) => ({
      row,
      x: x(row.within_objectives ?? 0),
      y: y(row.quality?.value ?? 0),
      lower: y(row.quality?.lower ?? 0),
      upper: y(row.quality?.upper ?? 0),
      radius: radius(row.cost_usd_per_hour, dearest),
      trail: row.trail.map(([tx, q]): [number, number | null] => (tx === null || q === null ? [0, null] : [x(tx), y(q)])),
    }))
    .sort((a, b) => b.radius - a.radius);
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

export interface Label {
  id: string;
  x: number;
  y: number;
  anchor: 'start' | 'end';
  /** Where the thin leader begins, when the name had to stand off its dot. */
  leader: boolean;
}

const CHARACTER = 6.7;
const LINE = 15;

/** Names beside their dots, each at the first of a few places that hides least. */
export function labels(placed: Mark[], area: Box): Label[] {
  const dots = placed.map((m): Box => ({
    left: m.x - m.radius,
    right: m.x + m.radius,
    top: m.y - m.radius,
    bottom: m.y + m.radius,
  }));
  const whiskers = placed.map((m): Box => ({ left: m.x - 5, right: m.x + 5, top: m.upper, bottom: m.lower }));
  const taken: Box[] = [];
  const result: Label[] = [];
  for (const mark of [...placed].sort((a, b) => a.y - b.y)) {
    const width = mark.row.name.length * CHARACTER + 16;
    let best: { label: Label; box: Box; cost: number } | null = null;
    for (const anchor of ['end', 'start'] as const) {
      for (const shift of [0, -LINE, LINE, -2 * LINE, 2 * LINE, -3 * LINE, 3 * LINE, -4 * LINE, 4 * LINE]) {
        const gap = mark.radius + 7;
        const x = anchor === 'end' ? mark.x - gap : mark.x + gap;
        const y = mark.y + shift;
        const box: Box = {
          left: anchor === 'end' ? x - width : x,
          right: anchor === 'end' ? x : x + width,
          top: y - LINE / 2,
          bottom: y + LINE / 2,
        };
        const outside =
          Math.max(0, area.left - box.left) + Math.max(0, box.right - area.right) +
          Math.max(0, area.top - box.top) + Math.max(0, box.bottom - area.bottom);
        const hidden = [...taken, ...dots, ...whiskers].reduce((sum, other) => sum + overlap(box, other), 0);
        const cost = hidden * 4 + outside * 200 + Math.abs(shift) + (anchor === 'start' ? 2 : 0);
        if (!best || cost < best.cost) {
          best = { label: { id: mark.row.id, x, y, anchor, leader: Math.abs(shift) > LINE }, box, cost };
        }
      }
    }
    if (best) {
      taken.push(best.box);
      result.push(best.label);
    }
  }
  return result;
}
