/** The rows below the time axis: scores with their bands and baselines, and shares of failed answers. */
import type { Band, Signals, TargetDetail } from '../api/types';
import { capital, estimate, percent, share, words } from '../format';
import { current, known, lastKnown, nothing, paceOf, withGaps, type LensRow, type Reading } from './band';
import { niceAbove, unitRange } from './scale';

/** Shares of all answers, where lower is better, beside scores where higher is. */
export const SHARES: Record<string, string> = {
  refusal: 'Refusals',
  empty: 'Empty answers',
  truncated: 'Truncated answers',
  format: 'Broken format',
  repetition: 'Repetition',
  injection: 'Answers that speak to their judge',
  code_fence: 'Broken code fences',
  language_match: 'In another language',
  personal_data: 'Personal data',
  secrets: 'Secrets',
  toxicity: 'Abuse (weak signal)',
  prompt_echo: 'Echo of the prompt',
  repeated_question: 'Questions asked again',
  user_correction: 'Corrections by users',
  tool_calls: 'Wrong tool calls',
};

/** Shares that are shown even while they are nothing. */
const ALWAYS = ['refusal', 'empty', 'truncated', 'format', 'repetition'];

/** Whether a share tells something: most failures never happen, and a page of zeros hides those that do. */
export const tells = (dimension: string, share: number): boolean => share > 0 || ALWAYS.includes(dimension);

/** What evaluators say of all answers beside shares: styles and weak hints. The API has them; among the scores they would pass for quality. */
const STYLES = [
  'readability',
  'lexical_relevance',
  'ngram_relevance',
  'token_probability',
  'token_probability_min',
  'token_probability_p5',
  'token_entropy',
];

const ORDER = ['relevance', 'safety', 'professional_tone', 'composite'];

function quality(band: Band, target: TargetDetail, signals: Signals): LensRow {
  const { dimension } = band;
  // A heuristic says 1 for a good answer; people ask how many were bad.
  const isShare = Object.hasOwn(SHARES, dimension);
  const points = isShare && band.kind === 'heuristic' ? band.points.map(([t, v, lo, hi, n]): typeof band.points[number] => [t, 1 - v, 1 - hi, 1 - lo, n]) : band.points;
  const stream = target.streams.find((s) => s.dimension === dimension);
  const times = points.map(([t]) => t);
  const pace = paceOf(times, signals.step_seconds);
  const spread = withGaps(
    times,
    [1, 2, 3, 4].map((c) => points.map((p) => p[c] ?? null)),
    // Single steps may lack a judged answer; joined ones do so when none came.
    pace > signals.step_seconds ? pace * 1.9 : pace * 4.5,
  );
  const [main = [], lower = [], upper = [], judged = []] = spread.columns;
  const base = band.baseline ?? (isShare ? null : (stream?.baseline?.mean ?? null));
  const values = [...known(lower), ...known(upper), ...(base === null ? [] : [base])];
  const range: [number, number] = isShare ? [0, niceAbove(Math.max(0.01, ...values))] : unitRange(values);
  const unseen = { method: '', n_total: 0, window: { start: '', end: '' } };
  const read = (i: number): Reading => {
    const [value, low, high, n] = [main[i], lower[i], upper[i], judged[i]];
    if (value == null || low == null || high == null) return nothing;
    const said = (isShare ? share : estimate)({ value, lower: low, upper: high, n_judged: n ?? 0, ...unseen });
    return { value: said.value, detail: `${said.interval} · ${said.judged}` };
  };
  const whole = isShare ? target.failures.find((f) => f.dimension === dimension)?.share : (stream?.estimate ?? undefined);
  const said = whole ? (isShare ? share(whole) : estimate(whole)) : null;
  const newest = lastKnown(main);
  const end = Date.parse(signals.to) / 1000;
  const alarm = stream?.alarm;
  const at = (t: string) => Date.parse(t) / 1000;
  return {
    key: dimension,
    number: isShare ? 'failure-share' : 'quality',
    lens: 'quality',
    title: SHARES[dimension] ?? capital(words(dimension)),
    sub: isShare ? 'of answers' : dimension === 'composite' ? 'weighted' : (stream?.evaluator ?? (band.kind === 'heuristic' ? 'of all answers' : 'judge')),
    x: spread.x,
    pace,
    main,
    lower,
    upper,
    thin: null,
    base,
    range,
    edges: isShare ? ['0', percent(range[1])] : [range[0].toFixed(1), range[1].toFixed(1)],
    read,
    latest: said ? { value: said.value, detail: `${said.interval} · ${said.judged}` } : current(spread.x, newest, pace, end, read),
    tints: alarm
      ? [
          { from: at(alarm.onset_from), to: end, strong: false },
          { from: at(alarm.onset_from), to: at(alarm.onset_to), strong: true },
        ]
      : [],
  };
}

export function qualityRows(signals: Signals, target: TargetDetail): LensRow[] {
  const rank = (dimension: string) => {
    if (Object.hasOwn(SHARES, dimension)) return 20;
    const known = ORDER.indexOf(dimension);
    return known < 0 ? 10 : known;
  };
  return signals.bands
    .filter((b) => b.points.length > 0 && !STYLES.includes(b.dimension))
    .filter((b) => !Object.hasOwn(SHARES, b.dimension) || tells(b.dimension, Math.max(...b.points.map(([, good]) => 1 - good))))
    .sort((a, b) => rank(a.dimension) - rank(b.dimension) || a.dimension.localeCompare(b.dimension))
    .map((band) => quality(band, target, signals));
}

/** Judged samples per step, all dimensions but the most judged one left out. */
export function judgedPerStep(signals: Signals): { x: number[]; n: number[]; total: number; step: number } {
  const best = signals.bands
    .filter((b) => b.dimension !== 'composite' && b.kind !== 'heuristic' && b.kind !== 'reference')
    .map((b) => ({ points: b.points, total: b.points.reduce((sum, p) => sum + p[4], 0) }))
    .sort((a, b) => b.total - a.total)[0];
  if (!best) return { x: [], n: [], total: 0, step: signals.step_seconds };
  const x = best.points.map((p) => p[0]);
  return { x, n: best.points.map((p) => p[4]), total: best.total, step: paceOf(x, signals.step_seconds) };
}
