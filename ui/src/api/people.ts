/** What people say of answers, and how judges agree with them: JSON of `/api/v1`, written down by hand. */
import type { Iso } from './types';

/** A number with its 95% interval, for one look. */
export interface Measured {
  value: number;
  lower: number;
  upper: number;
  n: number;
}

/** How a judge agrees with people. */
export interface Agreement {
  labelled: number;
  of: number;
  people: number;
  scale: 'grades' | 'pass';
  kappa: Measured | null;
  alpha: Measured | null;
  people_alpha: Measured | null;
  sensitivity: number | null;
  specificity: number | null;
  pass_rate: number | null;
  corrected_pass_rate: Measured | null;
  mean: number | null;
  corrected_mean: Measured | null;
}

/** One person's word on one dimension of one answer. */
export interface LabelRow {
  dimension: string;
  who: string;
  thumbs: 'up' | 'down' | null;
  grade: number | null;
  pass: boolean | null;
  correction: string | null;
  labelled_at: Iso;
}

export interface NewLabel {
  who: string;
  dimension?: string;
  thumbs?: 'up' | 'down';
  grade?: number;
  correction?: string;
}
