/** Absent, learning and known are three different things; this says which. */
import type { TargetRow } from '../api/types';
import { count } from '../format';

type Known = Pick<TargetRow, 'answers' | 'answers_n' | 'answers_of'>;

export function learning(row: Known): string | null {
  if (row.answers !== 'learning') return null;
  if (row.answers_n === null || row.answers_of === null) return 'learning';
  return `learning ${count(row.answers_n)} of ${count(row.answers_of)}`;
}

/** The word for answers whose quality cannot be shown as a number. */
export function withoutQuality(row: Known): string {
  return learning(row) ?? 'no data';
}
