import { niceAbove, path } from './scale';

/** A line from zero to its nice maximum; gaps stay gaps, and a quiet target lies on the ground. */
export function sparkline(values: (number | null)[], width: number, height: number): string {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  if (known.length === 0) return '';
  const top = niceAbove(Math.max(...known));
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  return path(values.map((v, i) => [i * step, v === null ? null : height - 1 - (v / top) * (height - 2)]));
}
