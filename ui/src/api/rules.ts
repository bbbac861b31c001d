import type { Alert } from './types';

/** What alert rules and objectives over weeks look like. */
export interface Rule {
  name: string;
  when: string;
  severity: Alert['severity'];
  for_seconds: number;
  resolve_when: string | null;
  min_samples: number | null;
  escalate: { severity: Alert['severity']; when: string; for: string }[];
  runbook: string | null;
  channels: string[];
  budgeted: boolean;
  inhibited_by: string[];
}

/** A share that must be good over a period. */
export interface Slo {
  name: string;
  good: 'availability' | 'goodput' | 'good_answers';
  dimension: string | null;
  objective: number;
  period_days: number;
  /** Null: nothing was seen. */
  good_share: number | null;
  /** Share of the period's error budget; below zero where it is overdrawn. */
  budget_left: number | null;
  n: number;
  burns: { window: string; rate: number | null; decides: number | null; n: number }[];
}
