import type { Slo } from '../api/rules';
import { count, percent } from '../format';

/** What an objective counts, in words. */
export function counted(slo: Slo): string {
  if (slo.good === 'availability') return 'requests that do not fail';
  if (slo.good === 'goodput') return 'requests within all latency objectives';
  return `judged answers that pass ${slo.dimension ?? 'composite'}`;
}

/** What is left of the error budget: absent is not zero, and an overdrawn one says by how much. */
export function left(slo: Slo): string {
  if (slo.budget_left === null) return 'nothing seen yet';
  if (slo.budget_left < 0) return `overdrawn ${rate(1 - slo.budget_left)} times`;
  return `${percent(slo.budget_left)} of the budget left`;
}

/** How far the bar of what is left is filled, 0 to 1. */
export function filled(slo: Slo): number {
  return Math.min(1, Math.max(0, slo.budget_left ?? 0));
}

/** The window that burns fastest against its alert's threshold, and how fast; null where none is known. */
export function fastest(slo: Slo): { window: string; rate: number; of: number } | null {
  const alerts: Record<string, number> = { '5m': 14.4, '1h': 14.4, '30m': 6, '6h': 6, '3d': 1 };
  const known = slo.burns.flatMap((b) => (b.decides === null ? [] : [{ window: b.window, rate: b.decides, of: alerts[b.window] ?? 1 }]));
  return known.sort((a, b) => b.rate / b.of - a.rate / a.of)[0] ?? null;
}

/** A burn rate: two digits are enough. */
export function rate(value: number): string {
  return value >= 100 ? count(Math.round(value)) : value >= 10 ? value.toFixed(0) : value.toFixed(1);
}
