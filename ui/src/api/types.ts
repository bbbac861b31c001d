/**
 * The JSON of `/api/v1`, written down by hand. Absent is null, never 0; times are RFC 3339 UTC;
 * times inside series are unix seconds.
 */
import type { JudgeCost, JudgeSpend, Ladder } from './judging';

export type { JudgeNow, JudgeSpend, Ladder } from './judging';

import type { Slo } from './rules';
import type { Agreement, LabelRow } from './people';

export type Iso = string;

export type StateName =
  | 'healthy'
  | 'silent_degradation'
  | 'wasteful'
  | 'overloaded'
  | 'service_degraded'
  | 'outage'
  | 'unknown';

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface ErrorBody {
  error: { code: string; message: string; hint: string | null };
}

export interface Window {
  start: Iso;
  end: Iso;
}

export interface Estimate {
  value: number;
  lower: number;
  upper: number;
  n_judged: number;
  n_total: number;
  method: string;
  window: Window;
}

export interface TargetRow {
  id: string;
  origin: string;
  endpoint: string | null;
  variant: string | null;
  inference_component: string | null;
  model: string | null;
  labels: Record<string, string>;
  name: string;
  state: StateName;
  service: 'ok' | 'slow' | 'failing' | 'unknown';
  answers: 'ok' | 'worse' | 'learning' | 'unknown';
  answers_n: number | null;
  answers_of: number | null;
  efficiency: 'ok' | 'wasteful' | 'unknown';
  saturated: boolean;
  since: Iso | null;
  reasons: string[];
  ttft_p95_seconds: number | null;
  duration_p95_seconds: number | null;
  error_ratio: number | null;
  requests_per_second: number | null;
  output_tokens_per_second: number | null;
  gpu_utilization_ratio: number | null;
  gpus_used: number | null;
  gpus_free: number | null;
  capture: CaptureShares;
  model_duration_seconds: number | null;
  cost_usd_per_hour: number | null;
  cost_usd_per_good_answer: number | null;
  within_objectives: number | null;
  goodput_per_second: number | null;
  quality: Estimate | null;
  baseline: number | null;
  trail: [number | null, number | null][];
  load: (number | null)[];
}

/** What Data Capture shows of the calls of a target's endpoint, in the last hour that is delivered. */
export interface CaptureShares {
  coverage: number | null;
  coverage_upper: number | null;
  attributed: number | null;
  unattributed: number | null;
  invisible: number | null;
}

/** A condition of the budget of false pages. */
export interface BudgetCondition {
  requirement: string;
  standing: 'holds' | 'unknown' | 'broken';
  detail: string;
}

/** What another detector of the same judged answers would have done. */
export interface Comparison {
  /** `fixed threshold`, `rolling z`. */
  detector: string;
  /** Pages it would have sent. */
  pages: number;
  /** Those of them near which Bifocal's own detector found nothing. */
  alone: number;
  since: Iso;
}

/** One judge on one dimension, as its anchors show it. */
export interface JudgeRow {
  evaluator: string;
  fingerprint: string;
  dimension: string;
  anchors: number;
  rescored: number;
  /** Null, as the numbers below, for a judge without anchors. */
  last: Iso | null;
  /** Mean score now minus the frozen one, of the newest sweep. */
  difference: number | null;
  difference_lower: number | null;
  difference_upper: number | null;
  evidence: number | null;
  threshold: number | null;
  drift: { time: Iso; evidence: number; fell: boolean } | null;
  /** How it repeats itself on its anchors; null until 20 were scored again. */
  repeats?: { n: number; same: number; same_lower: number; same_upper: number } | null;
  /** Null where nobody marked what it judged. */
  agreement: Agreement | null;
}

export interface Totals {
  window_seconds: number;
  requests: number;
  judged: number;
  cost_usd_per_hour: number | null;
  idle_usd_per_hour: number | null;
  dropped: number;
  false_pages_per_30_days: number;
  judge_spend: JudgeSpend | null;
  /** What the budget of false pages rests on, each at its worst over all streams. */
  conditions?: BudgetCondition[];
  /** Other detectors beside Bifocal's; empty where none is configured. */
  comparisons?: Comparison[];
  /** Alarms of Bifocal's detectors since the same time. */
  alarms?: number;
  /** The judges as their anchors show them; empty without anchors. */
  judges?: JudgeRow[];
  judge_costs?: JudgeCost[];
}

export interface Fleet {
  now: Iso;
  simulated: boolean;
  speed: number;
  sentence: string;
  incidents_available: string[];
  totals: Totals;
  items: TargetRow[];
}

export interface Baseline {
  n: number;
  /** Judged wanted before it is frozen. */
  of?: number;
  mean: number;
  lcb: number | null;
  frozen: boolean;
  seasonality_covered: boolean;
}

export interface Alarm {
  time: Iso;
  index: number;
  onset_from: Iso;
  onset_to: Iso;
  /** The mean since the alarm. */
  size?: Estimate | null;
}

export interface Stream {
  dimension: string;
  evaluator: string;
  fingerprint: string;
  estimate: Estimate | null;
  pass_rate: Estimate | null;
  baseline: Baseline | null;
  evidence: number | null;
  threshold: number | null;
  judged: number;
  /** False when no detector watches the stream: its evidence says nothing then. */
  watched?: boolean;
  alarm: Alarm | null;
  /** How much of the judge's scores the signals that every answer has explain; null before some hundred were judged. */
  explained?: Explained | null;
  /** The cheap judge beside the judge; null without one. */
  ladder?: Ladder | null;
}

/** Squared correlation with a 95% interval, and what it would save. */
export interface Explained {
  rho2: number;
  lower: number;
  upper: number;
  n: number;
  /** Share of judgements saved at equal width. */
  saving: number;
  saving_usd_per_day: number | null;
}

export interface Event {
  time: Iso;
  kind: string;
  target: string | null;
  id: string;
  summary: string;
}

export interface FeatureDrift {
  name: string;
  unit: string;
  help: string;
  evidence: number;
  direction: 'higher' | 'lower' | 'wider' | 'narrower';
  reference_median: number | null;
  window_median: number | null;
  psi: number | null;
  psi_p_value: number | null;
  wasserstein: number | null;
  ks: number | null;
  ks_p_value: number | null;
}

/** One group of features of all inferences against a frozen reference. */
export interface Drift {
  group: 'input' | 'output' | 'behaviour';
  status: 'learning' | 'steady' | 'drifted';
  /** Inferences of the reference so far, and wanted. */
  n: number;
  of: number;
  evidence: number | null;
  threshold: number;
  seen: number;
  alarm: { time: Iso; index: number; onset_from: Iso; onset_to: Iso; evidence: number; feature: string } | null;
  /** Newest inferences that the distances are of; 0 while there are too few. */
  window: number;
  features: FeatureDrift[];
}

export interface TargetDetail extends TargetRow {
  sentence: string;
  objectives: Record<string, number | null>;
  /** Shares that must be good over weeks. */
  slos: Slo[];
  streams: Stream[];
  failures: { dimension: string; share: Estimate }[];
  /** Answers of the last hour that a judge called clearly harmful; null where there was none. */
  severe?: { confirmed: number; unconfirmed: number; refuted: number; examples: string[]; evaluator: string } | null;
  drift: Drift[];
  events: Event[];
}

export interface Series {
  signal: string;
  unit: string;
  lens: 'quantity' | 'quality';
  stat: string;
  part: string;
  points: [number, number | null][];
}

export interface Band {
  dimension: string;
  /** Of a heuristic, values are shares of answers that are free of the failure. */
  kind?: 'heuristic' | 'judge' | 'composite' | 'reference';
  baseline: number | null;
  /** unix seconds, value, lower, upper, judged */
  points: [number, number, number, number, number][];
}

export interface Signals {
  from: Iso;
  to: Iso;
  step_seconds: number;
  series: Series[];
  bands: Band[];
  events: Event[];
}

export interface ScoreRow {
  dimension: string;
  kind: 'heuristic' | 'judge' | 'composite' | 'confirmation' | 'reference';
  evaluator: string;
  value: number | null;
  pass: boolean | null;
  label: string | null;
  explanation: string | null;
  failure: string | null;
  inclusion_probability: number | null;
  cost_usd: number | null;
}

export interface InferenceRow {
  id: string;
  target: string;
  target_name: string;
  time: Iso;
  source: string;
  tenant: string | null;
  ttft_seconds: number | null;
  itl_seconds: number | null;
  duration_seconds: number | null;
  input_tokens: number | null;
  input_tokens_source: string | null;
  output_tokens: number | null;
  output_tokens_source: string | null;
  finish_reason: string | null;
  status: number | null;
  error_class: string | null;
  streamed: boolean | null;
  completeness: string;
  served_model: string | null;
  question: string | null;
  answer: string | null;
  scores: ScoreRow[];
}

export interface InferenceDetail extends InferenceRow {
  messages?: { role: string; text: string }[] | null;
  redactions?: { kind: string; in_answer: boolean; count: number }[] | null;
  labels?: Record<string, string> | null;
  capture_probability: number | null;
  people?: LabelRow[] | null;
}

export interface Delivery {
  channel: string;
  outcome: 'delivered' | 'pending' | 'failed';
  at: Iso | null;
  attempts: number;
  /** Attempts that may have arrived although nothing confirms it. */
  unanswered: number;
}

export interface Alert {
  id: string;
  rule: string;
  severity: 'critical' | 'warning' | 'info';
  target: string | null;
  target_name: string | null;
  status: 'pending' | 'firing' | 'resolved';
  since: Iso;
  resolved_at: Iso | null;
  summary: string;
  when: string;
  value?: string | null;
  for_seconds: number;
  budgeted: boolean;
  muted: Muted | null;
  /** It fired and nobody was told. */
  untold: boolean;
  /** Where it is written what to do: an address, or a path of this server. */
  runbook: string | null;
  deliveries: Delivery[];
}

/** What keeps an alert from being told now. */
export interface Muted {
  by: 'silence' | 'maintenance' | 'inhibition';
  name: string;
  owner: string | null;
  reason: string | null;
  until: Iso | null;
}

export interface Silence {
  id: string;
  status: 'scheduled' | 'active' | 'over';
  rule: string | null;
  target: string | null;
  target_name: string | null;
  severity: Alert['severity'] | null;
  owner: string;
  reason: string;
  made: Iso;
  start: Iso;
  end: Iso;
  ended_by: string | null;
  ended_at: Iso | null;
  withheld: number;
}

export type Cause = 'pending' | 'system' | 'judge' | 'mix' | 'data_path' | 'undecided';

/** Before minus after: a fall is positive. */
export interface Difference {
  value: number;
  lower: number;
  upper: number;
  n_before: number;
  n_after: number;
}

export interface Check {
  of: Cause;
  outcome: 'explains' | 'ruled_out' | 'unclear' | 'not_checkable';
  part: Difference | null;
  line: string;
}

export interface Slice {
  name: string;
  n_after: number;
  traffic_share: number;
  fall: number;
  share_lower: number;
  share_upper: number;
  e_value: number;
}

export interface Incident {
  id: string;
  target: string;
  target_name: string;
  dimension: string;
  opened: Iso;
  closed: Iso | null;
  onset_from: Iso;
  onset_to: Iso;
  evidence: number;
  threshold: number;
  baseline: number;
  cause: Cause;
  why: string;
  effect: Difference | null;
  checks: Check[];
  ruled_out: string[];
  slices: Slice[];
  aligned: { time: Iso; kind: string; id: string; summary: string }[];
  examples: string[];
  sentence: string;
  acknowledged: Said | null;
  comments: Said[];
  /** Who closed it; null when it is open or ended by itself. */
  closed_by: Said | null;
}

/** What a person said or did. */
export interface Said {
  by: string;
  at: Iso;
  text: string;
}

export type Reasons = Record<string, number>;

export interface SourceBalance {
  source: string;
  target: string | null;
  target_name: string | null;
  received: number;
  stored: number;
  duplicate: number;
  rejected: Reasons;
  dropped: Reasons;
  in_flight: number;
  balanced: boolean;
}

export interface JudgingBalance {
  target: string;
  target_name: string;
  selected: number;
  scored: number;
  failed: Reasons;
  shed: Reasons;
  pending: number;
  balanced: boolean;
}

export interface Ledger {
  sources: SourceBalance[];
  judging: JudgingBalance[];
  unclean_stops: Window[];
  disk: { journal_bytes: number; segment_bytes: number; segments: number } | null;
}

export interface ActiveIncidents {
  active: { name: string; target: string | null; since: Iso }[];
}
