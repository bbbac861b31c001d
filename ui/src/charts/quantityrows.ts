/** The rows above the time axis: what was measured, each from the series that exist. */
import type { CaptureShares, Series, Signals, TargetDetail } from '../api/types';
import { givenPercent, givenSeconds, percent, rough, seconds, usd } from '../format';
import { current, known, lastKnown, nothing, withGaps, type LensRow, type Reading, type Tint, type Values } from './band';
import type { NumberKey } from '../numbers';
import { niceAbove } from './scale';

/** Several series on one time axis. */
function align(series: Series[]): { x: number[]; columns: Values[] } {
  const times = [...new Set(series.flatMap((s) => s.points.map(([t]) => t)))].sort((a, b) => a - b);
  const columns = series.map((s) => {
    const at = new Map(s.points);
    return times.map((t) => at.get(t) ?? null);
  });
  return { x: times, columns };
}

/** How many of the calls have answers that can be seen, where Data Capture is what shows them. */
export function answersSeen(capture: CaptureShares): string {
  const { attributed, unattributed, invisible } = capture;
  if (attributed === null || unattributed === null || invisible === null) return 'requests';
  const unseen = invisible > 0 ? ` · ${percent(invisible)} unseen` : '';
  return unattributed > 0 ? `${percent(unattributed)} nobody’s${unseen}` : `${percent(attributed)} seen${unseen}`;
}

interface QuantityParts {
  key: string;
  number: NumberKey;
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

function quantity(parts: QuantityParts, step: number, end: number): LensRow {
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
    number: parts.number,
    lens: 'quantity',
    title: parts.title,
    sub: parts.sub,
    x: spread.x,
    pace: step,
    main,
    lower,
    upper,
    thin,
    base: parts.limit != null && parts.limit <= top ? parts.limit : null,
    range: [0, top],
    edges: ['0', parts.show(top)],
    read,
    latest: current(spread.x, newest, step, end, read),
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
    if (main.length) rows.push(quantity({ ...parts, main }, step, end));
  };
  const p50 = one('ttft_seconds', 'p50');
  const p95 = one('ttft_seconds', 'p95');
  add({
    key: 'ttft', number: 'ttft', title: 'Time to first token', sub: p50 && p95 ? 'p50, band to p95' : 'p95',
    main: [p50 ?? p95], upper: p50 ? p95 : undefined, readUpper: !!(p50 && p95), show: seconds,
    detail: () => `p95${objective('ttft_p95_seconds', givenSeconds)}`, limit: limit('ttft_p95_seconds'), tints: suspect(target.service === 'slow'),
  });
  add({
    key: 'duration', number: 'duration', title: 'Duration', sub: 'p95, whole answer', main: [one('duration_seconds', 'p95')], show: seconds,
    detail: () => `p95${objective('duration_p95_seconds', givenSeconds)}`, limit: limit('duration_p95_seconds'), tints: suspect(target.service === 'slow'),
  });
  const inContainer = signals.series.find((s) => s.signal === 'model_duration_seconds' && s.part === '');
  add({
    key: 'model', number: 'model-duration', title: 'In the container', sub: 'mean of a call', main: [inContainer], show: seconds,
    detail: () => 'mean, as the platform measures it',
  });
  add({ key: 'requests', number: 'requests-per-second', title: 'Requests', sub: 'per second', main: [one('requests_per_second')], show: (x) => `${rough(x)}/s`, detail: () => answersSeen(target.capture) });
  const tokensIn = one('input_tokens_per_second');
  add({
    key: 'tokens', number: 'tokens-per-second', title: 'Tokens', sub: tokensIn ? 'out, thin: in' : 'out, per second', main: [one('output_tokens_per_second')],
    thin: tokensIn, show: (x) => `${rough(x)}/s`, detail: (at) => (tokensIn ? `out · ${rough(at('thin'))}/s in` : 'out'),
  });
  add({
    key: 'errors', number: 'error-ratio', title: 'Errors', sub: 'of requests', main: [one('error_ratio')], show: percent,
    detail: () => `of requests${objective('error_ratio', givenPercent)}`, limit: limit('error_ratio'), tints: suspect(target.service === 'failing'),
  });
  const gpus = all('gpu_utilization_ratio');
  const memory = one('gpu_memory_used_ratio');
  add({
    key: 'gpu', number: 'gpu', title: 'GPU', sub: memory ? 'thin: memory' : 'compute', main: gpus, thin: memory, ceiling: 1, show: percent,
    detail: (at) => [memory ? `memory ${percent(at('thin'))}` : '', gpus.length > 1 ? `${gpus.length} GPUs` : '1 GPU'].filter(Boolean).join(' · '),
  });
  add({
    key: 'gpus', number: 'gpus-used', title: 'GPUs held', sub: 'by its copies', main: [one('gpus_used')], show: rough,
    detail: () => (target.gpus_free === null ? 'held' : `held · ${rough(target.gpus_free)} of the endpoint free`),
  });
  const running = one('requests_running');
  add({
    key: 'waiting', number: 'waiting', title: 'Waiting', sub: running ? 'queue, thin: running' : 'queue', main: [one('requests_waiting')], thin: running,
    show: rough, detail: (at) => (running ? `waiting · ${rough(at('thin'))} running` : 'waiting'), tints: suspect(target.saturated),
  });
  add({ key: 'kv', number: 'kv-cache', title: 'KV cache', sub: 'in use', main: [one('kv_cache_usage_ratio')], ceiling: 1, show: percent, detail: () => 'in use', tints: suspect(target.saturated) });
  add({
    key: 'cost', number: 'cost-per-hour', title: 'Cost', sub: 'per hour', main: [one('cost_usd_per_hour')], show: usd,
    detail: () => (target.cost_usd_per_good_answer === null ? 'per hour' : `${usd(target.cost_usd_per_good_answer)} a good answer`),
  });
  return rows;
}
