/** Turns series and bands of the API into the rows of the two lenses. Pure; the drawing is elsewhere. */
import type { Band, Series, Signals, TargetDetail } from '../api/types';
import { NO_DATA, capital, count, estimate, givenPercent, givenSeconds, percent, rough, seconds, share, usd, words } from '../format';
import { niceAbove, unitRange } from './scale';

type Values = (number | null)[];

export interface Reading {
  value: string;
  detail: string;
}

export interface Tint {
  from: number;
  to: number;
  strong: boolean;
}

export interface LensRow {
  key: string;
  lens: 'quantity' | 'quality';
  title: string;
  sub: string;
  x: number[];
  main: Values;
  lower: Values | null;
  upper: Values | null;
  thin: Values | null;
  base: number | null;
  range: [number, number];
  edges: [string, string];
  /** What to say at one index. */
  read: (index: number) => Reading;
  /** What to say when nobody points: the estimate of the window, or the newest value. */
  latest: Reading;
  tints: Tint[];
}

/** Shares of all answers, where lower is better, beside scores where higher is. */
const SHARES: Record<string, string> = {
  refusal: 'Refusals',
  empty: 'Empty answers',
  truncated: 'Truncated answers',
  format: 'Broken format',
};

const ORDER = ['relevance', 'safety', 'professional_tone', 'composite'];

/** Several series on one time axis. */
function align(series: Series[]): { x: number[]; columns: Values[] } {
  const times = [...new Set(series.flatMap((s) => s.points.map(([t]) => t)))].sort((a, b) => a - b);
  const columns = series.map((s) => {
    const at = new Map(s.points);
    return times.map((t) => at.get(t) ?? null);
  });
  return { x: times, columns };
}

/** Puts a null into every hole wider than `most` seconds, so that lines break there. */
export function withGaps(x: number[], columns: Values[], most: number): { x: number[]; columns: Values[] } {
  const times: number[] = [];
  const out: Values[] = columns.map(() => []);
  x.forEach((t, i) => {
    const before = x[i - 1];
    if (before !== undefined && t - before > most) {
      times.push(before + (t - before) / 2);
      out.forEach((column) => column.push(null));
    }
    times.push(t);
    columns.forEach((column, c) => out[c]?.push(column[i] ?? null));
  });
  return { x: times, columns: out };
}

export function lastKnown(values: Values): number {
  for (let i = values.length - 1; i >= 0; i -= 1) if (values[i] !== null && values[i] !== undefined) return i;
  return -1;
}

/** The index nearest to `time`, if one is within `reach` seconds. */
export function nearest(x: number[], time: number, reach: number): number {
  let low = 0;
  let high = x.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  const after = x[low];
  const before = x[low - 1];
  if (after === undefined) return -1;
  const best = before !== undefined && time - before < after - time ? low - 1 : low;
  return Math.abs((x[best] ?? 0) - time) <= reach ? best : -1;
}

const known = (values: Values | null): number[] => (values ?? []).filter((v): v is number => v !== null);
const nothing: Reading = { value: NO_DATA, detail: '' };

interface QuantityParts {
  key: string;
  title: string;
  sub: string;
  main: Series[];
  upper?: Series | undefined;
  thin?: Series | undefined;
  show: (x: number | null) => string;
  detail: (at: (column: 'upper' | 'thin') => number | null) => string;
  /** The number that is read out is the upper edge (a p95), not the line. */
  readUpper?: boolean;
  ceiling?: number;
  /** An objective, drawn dashed where the scale reaches it. */
  limit?: number | null;
  tints?: Tint[];
}

function quantity(parts: QuantityParts, step: number): LensRow {
  const extra = [parts.upper, parts.thin].filter((s): s is Series => s !== undefined);
  const joined = align([...parts.main, ...extra]);
  const spread = withGaps(joined.x, joined.columns, step * 2.5);
  const own = spread.columns.slice(0, parts.main.length);
  const several = own.length > 1;
  const over = (f: (...v: number[]) => number) =>
    spread.x.map((_, i) => {
      const values = own.map((column) => column[i] ?? null).filter((v): v is number => v !== null);
      return values.length ? f(...values) : null;
    });
  const main = several ? over((...v) => v.reduce((a, b) => a + b, 0) / v.length) : (own[0] ?? []);
  const upperColumn = parts.upper ? (spread.columns[parts.main.length] ?? null) : null;
  const upper = several ? over(Math.max) : upperColumn;
  const lower = several ? over(Math.min) : parts.upper ? main : null;
  const thin = parts.thin ? (spread.columns[spread.columns.length - 1] ?? null) : null;
  const top = parts.ceiling ?? niceAbove(Math.max(0, ...known(main), ...known(upper), ...known(thin)));
  const read = (i: number): Reading => {
    const column = (which: 'upper' | 'thin') => (which === 'upper' ? upper : thin)?.[i] ?? null;
    const value = parts.readUpper ? (upper?.[i] ?? null) : (main[i] ?? null);
    return value === null ? nothing : { value: parts.show(value), detail: parts.detail(column) };
  };
  const newest = lastKnown(parts.readUpper && upper ? upper : main);
  return {
    key: parts.key,
    lens: 'quantity',
    title: parts.title,
    sub: parts.sub,
    x: spread.x,
    main,
    lower,
    upper,
    thin,
    base: parts.limit != null && parts.limit <= top ? parts.limit : null,
    range: [0, top],
    edges: ['0', parts.show(top)],
    read,
    latest: newest < 0 ? nothing : read(newest),
    tints: parts.tints ?? [],
  };
}

export function quantityRows(signals: Signals, target: TargetDetail): LensRow[] {
  const all = (signal: string, stat?: string) =>
    signals.series.filter((s) => s.signal === signal && (!stat || s.stat === stat) && s.points.some(([, v]) => v !== null));
  const one = (signal: string, stat?: string) => all(signal, stat)[0];
  const step = signals.step_seconds;
  const end = Date.parse(signals.to) / 1000;
  const since = target.since ? Date.parse(target.since) / 1000 : end;
  const suspect = (bad: boolean): Tint[] => (bad ? [{ from: since, to: end, strong: false }] : []);
  const objective = (name: string, show: (x: number) => string) => {
    const wanted = target.objectives[name];
    return wanted === null || wanted === undefined ? '' : ` · objective ${show(wanted)}`;
  };
  const limit = (name: string) => target.objectives[name] ?? null;
  const rows: LensRow[] = [];
  const add = (parts: Omit<QuantityParts, 'main'> & { main: (Series | undefined)[] }) => {
    const main = parts.main.filter((s): s is Series => s !== undefined);
    if (main.length) rows.push(quantity({ ...parts, main }, step));
  };
  const p50 = one('ttft_seconds', 'p50');
  const p95 = one('ttft_seconds', 'p95');
  add({
    key: 'ttft', title: 'Time to first token', sub: p50 && p95 ? 'p50, band to p95' : 'p95',
    main: [p50 ?? p95], upper: p50 ? p95 : undefined, readUpper: !!(p50 && p95), show: seconds,
    detail: () => `p95${objective('ttft_p95_seconds', givenSeconds)}`, limit: limit('ttft_p95_seconds'), tints: suspect(target.service === 'slow'),
  });
  add({
    key: 'duration', title: 'Duration', sub: 'p95, whole answer', main: [one('duration_seconds', 'p95')], show: seconds,
    detail: () => `p95${objective('duration_p95_seconds', givenSeconds)}`, limit: limit('duration_p95_seconds'), tints: suspect(target.service === 'slow'),
  });
  add({ key: 'requests', title: 'Requests', sub: 'per second', main: [one('requests_per_second')], show: (x) => `${rough(x)}/s`, detail: () => 'requests' });
  const tokensIn = one('input_tokens_per_second');
  add({
    key: 'tokens', title: 'Tokens', sub: tokensIn ? 'out, thin: in' : 'out, per second', main: [one('output_tokens_per_second')],
    thin: tokensIn, show: (x) => `${rough(x)}/s`, detail: (at) => (tokensIn ? `out · ${rough(at('thin'))}/s in` : 'out'),
  });
  add({
    key: 'errors', title: 'Errors', sub: 'of requests', main: [one('error_ratio')], show: percent,
    detail: () => `of requests${objective('error_ratio', givenPercent)}`, limit: limit('error_ratio'), tints: suspect(target.service === 'failing'),
  });
  const gpus = all('gpu_utilization_ratio');
  const memory = one('gpu_memory_used_ratio');
  add({
    key: 'gpu', title: 'GPU', sub: memory ? 'thin: memory' : 'compute', main: gpus, thin: memory, ceiling: 1, show: percent,
    detail: (at) => [memory ? `memory ${percent(at('thin'))}` : '', gpus.length > 1 ? `${gpus.length} GPUs` : '1 GPU'].filter(Boolean).join(' · '),
  });
  const running = one('requests_running');
  add({
    key: 'waiting', title: 'Waiting', sub: running ? 'queue, thin: running' : 'queue', main: [one('requests_waiting')], thin: running,
    show: rough, detail: (at) => (running ? `waiting · ${rough(at('thin'))} running` : 'waiting'), tints: suspect(target.saturated),
  });
  add({ key: 'kv', title: 'KV cache', sub: 'in use', main: [one('kv_cache_usage_ratio')], ceiling: 1, show: percent, detail: () => 'in use', tints: suspect(target.saturated) });
  add({
    key: 'cost', title: 'Cost', sub: 'per hour', main: [one('cost_usd_per_hour')], show: usd,
    detail: () => (target.cost_usd_per_good_answer === null ? 'per hour' : `${usd(target.cost_usd_per_good_answer)} a good answer`),
  });
  return rows;
}

function quality(band: Band, target: TargetDetail, signals: Signals): LensRow {
  const { dimension, points } = band;
  const isShare = Object.hasOwn(SHARES, dimension);
  const stream = target.streams.find((s) => s.dimension === dimension);
  const spread = withGaps(
    points.map(([t]) => t),
    [1, 2, 3, 4].map((c) => points.map((p) => p[c] ?? null)),
    signals.step_seconds * 4.5,
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
    return { value: said.value, detail: `${said.interval} · ${isShare ? said.judged : count(n)}` };
  };
  const whole = isShare ? target.failures.find((f) => f.dimension === dimension)?.share : (stream?.estimate ?? undefined);
  const said = whole ? (isShare ? share(whole) : estimate(whole)) : null;
  const newest = lastKnown(main);
  const end = Date.parse(signals.to) / 1000;
  const alarm = stream?.alarm;
  const at = (t: string) => Date.parse(t) / 1000;
  return {
    key: dimension,
    lens: 'quality',
    title: SHARES[dimension] ?? capital(words(dimension)),
    sub: isShare ? 'of answers' : dimension === 'composite' ? 'weighted' : (stream?.evaluator ?? 'judge'),
    x: spread.x,
    main,
    lower,
    upper,
    thin: null,
    base,
    range,
    edges: isShare ? ['0', percent(range[1])] : [range[0].toFixed(1), range[1].toFixed(1)],
    read,
    latest: said ? { value: said.value, detail: `${said.interval} · ${said.judged}` } : newest < 0 ? nothing : read(newest),
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
    .filter((b) => b.points.length > 0)
    .sort((a, b) => rank(a.dimension) - rank(b.dimension) || a.dimension.localeCompare(b.dimension))
    .map((band) => quality(band, target, signals));
}

/** Judged samples per step, all dimensions but the most judged one left out. */
export function judgedPerStep(signals: Signals): { x: number[]; n: number[]; total: number } {
  const best = signals.bands
    .filter((b) => b.dimension !== 'composite' && !Object.hasOwn(SHARES, b.dimension))
    .map((b) => ({ points: b.points, total: b.points.reduce((sum, p) => sum + p[4], 0) }))
    .sort((a, b) => b.total - a.total)[0];
  if (!best) return { x: [], n: [], total: 0 };
  return { x: best.points.map((p) => p[0]), n: best.points.map((p) => p[4]), total: best.total };
}
