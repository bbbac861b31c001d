/** What judging costs, and how the judges stand. */

export interface JudgeSpend {
  usd: number | null;
  tokens: number;
  cap_usd: number | null;
  cap_tokens: number | null;
  day: string;
  /** What the day will have cost at the pace of now, in the cap's unit. */
  forecast_usd: number | null;
  forecast_tokens: number | null;
  /** Strata whose floor the budget of today does not reach. */
  below_floor: number;
  below_floor_yesterday: number;
  /** Chosen answers that wait for the judge. */
  waiting: number;
  /** How the judges stand. */
  judges: JudgeNow[];
}

/** Whether a judge answers. */
export interface JudgeNow {
  evaluator: string;
  role: 'first' | 'second' | 'cheap';
  circuit: 'closed' | 'open' | 'half_open';
  away_since: string | null;
  failures: number;
  last_failure: string | null;
  next_try: string | null;
  without_schema: boolean;
}

/** Dollars and tokens; null dollars: the price of a part is not known. */
export interface Price {
  usd: number | null;
  tokens: number;
}

/** What a judge in one of its parts costs. */
export interface JudgeCost {
  evaluator: string;
  role: 'judge' | 'cheap' | 'second';
  today: Price;
  month: Price;
  /** Of the month: what went to anchors. */
  anchors: Price;
  /** Answers that it scored this month. */
  answers: number;
  /** Without anchors; null where nothing was scored. */
  per_answer: Price | null;
}

/** A cheap judge that scores many answers where the judge scores few. */
export interface Ladder {
  evaluator: string;
  n: number;
  pairs: number;
  rho2: number;
  lower: number;
  upper: number;
  price_ratio: number | null;
  per_judged: number | null;
  advice: string;
}
