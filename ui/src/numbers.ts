/**
 * Every number that the page shows, by key. An element that shows one (or holds elements that do) carries its keys in
 * `data-number`; `docs/guide/numbers.md` says for each key what the number promises and what breaks it. A test holds
 * the three together: sources, this list, guide.
 */
export const NUMBERS = [
  'alert-count',
  'alert-summary',
  'alarm-index',
  'baseline',
  'budget',
  'budget-condition',
  'capture-probability',
  'comparison',
  'cost-per-good-answer',
  'cost-per-hour',
  'deliveries',
  'disk',
  'dropped',
  'drift-distance',
  'drift-evidence',
  'drift-onset',
  'drift-p',
  'drift-reference',
  'duration',
  'effect',
  'error-ratio',
  'evidence',
  'failure-share',
  'gpu',
  'idle-cost',
  'inclusion-probability',
  'itl',
  'judge-cost',
  'judge-difference',
  'judge-evidence',
  'judge-rescored',
  'judge-spend',
  'judged',
  'kv-cache',
  'learning',
  'ledger-judging',
  'ledger-records',
  'onset',
  'quality',
  'reason',
  'redactions',
  'requests',
  'requests-per-second',
  'rows',
  'score',
  'sentence',
  'tokens',
  'tokens-per-second',
  'ttft',
  'unclean-stops',
  'waiting',
  'within-objectives',
] as const;

export type NumberKey = (typeof NUMBERS)[number];

/** For an attribute that is computed: `data-number={number(row.number)}`. */
export const number = (key: NumberKey): NumberKey => key;
