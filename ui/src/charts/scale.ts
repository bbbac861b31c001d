/** Scales, ticks and snapping shared by all marks. */

export interface Scale {
  (value: number): number;
  domain: [number, number];
}

export function linear(domain: [number, number], span: [number, number]): Scale {
  const [d0, d1] = domain;
  const width = d1 - d0 || 1;
  const scale = (value: number) => span[0] + ((value - d0) / width) * (span[1] - span[0]);
  return Object.assign(scale, { domain });
}

/** Two straight pieces that meet at a point of the domain: room where most values lie. */
export function bent(domain: [number, number, number], span: [number, number, number]): Scale {
  const low = linear([domain[0], domain[1]], [span[0], span[1]]);
  const high = linear([domain[1], domain[2]], [span[1], span[2]]);
  return Object.assign((value: number) => (value < domain[1] ? low(value) : high(value)), {
    domain: [domain[0], domain[2]] as [number, number],
  });
}

export const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));

/** The smallest of 1, 2, 2.5, 5 × 10ⁿ that is not below `x`: axes that move seldom. */
export function niceAbove(x: number): number {
  if (!(x > 0) || !Number.isFinite(x)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  for (const lead of [1, 2, 2.5, 5, 10]) if (x <= lead * power * (1 + 1e-9)) return lead * power;
  return 10 * power;
}

/** A range inside [0, 1] around the values, in steps of 0.1, at least 0.2 high. */
export function unitRange(values: number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (!Number.isFinite(low)) return [0, 1];
  let lower = Math.floor((low - 0.01) * 10 + 1e-9) / 10;
  let upper = Math.ceil((high + 0.01) * 10 - 1e-9) / 10;
  if (upper > 1) upper = 1;
  if (lower < 0) lower = 0;
  if (upper - lower < 0.2) {
    if (upper + 0.1 <= 1) upper += 0.1;
    else lower -= 0.1;
  }
  return [Math.round(Math.max(0, lower) * 10) / 10, Math.round(upper * 10) / 10];
}

const STEPS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800];

/** Round times between `from` and `to` (unix seconds), about `wanted` of them. */
export function timeTicks(from: number, to: number, wanted: number): number[] {
  const step = STEPS.find((s) => (to - from) / s <= wanted) ?? 604_800;
  const ticks: number[] = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
  return ticks;
}

/** A polyline; nulls break it. */
export function path(points: [number, number | null][]): string {
  let d = '';
  let pen = false;
  for (const [x, y] of points) {
    if (y === null || !Number.isFinite(y)) pen = false;
    else {
      d += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = true;
    }
  }
  return d;
}
