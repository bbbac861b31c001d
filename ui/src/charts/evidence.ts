import { clamp } from './scale';

/** Share of the way to the alarm, on a log scale from 1 ("no evidence") to the threshold. */
export function evidenceShare(evidence: number, threshold: number): number {
  if (!(evidence > 1) || !(threshold > 1)) return 0;
  return clamp(Math.log(evidence) / Math.log(threshold), 0, 1);
}
