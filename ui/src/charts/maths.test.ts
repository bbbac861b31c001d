import { describe, expect, it } from 'vitest';
import * as world from '../fixtures/world.mjs';
import { flags, ticks } from './axis';
import { slices } from './balance';
import { nearest, paceOf, withGaps } from './band';
import { evidenceShare } from './evidence';
import { judgedPerStep, qualityRows } from './qualityrows';
import { answersSeen, quantityRows } from './quantityrows';
import { frame, labels, marks, radius } from './plane';
import { bent, linear, niceAbove, path, timeTicks, unitRange } from './scale';
import { sparkline } from './sparkline';

const NOW = Date.UTC(2026, 10, 24, 14, 0, 0);
const QWEN = 't-qwen2-5-7b-instruct';
const must = <T>(x: T | null | undefined): T => {
  if (x === null || x === undefined) throw new Error('the fixture lacks something');
  return x;
};
const view = (id: string, step = 180) => ({
  target: must(world.target(id, NOW)),
  signals: must(world.signals(id, NOW / 1000 - 120 * step, NOW / 1000, step, NOW)),
});

describe('scales', () => {
  it('maps ends to ends and does not divide by zero', () => {
    const x = linear([0.5, 1], [0, 100]);
    expect([x(0.5), x(0.75), x(1)]).toEqual([0, 50, 100]);
    expect(linear([1, 1], [0, 100])(1)).toBe(0);
  });

  it('bends at its middle and stays continuous and increasing', () => {
    const x = bent([0.6, 0.95, 1], [0, 100, 200]);
    expect([x(0.6), x(0.95), x(0.975), x(1)].map((v) => Math.round(v))).toEqual([0, 100, 150, 200]);
    expect(x(0.9499)).toBeLessThan(x(0.95));
  });

  it.each([[0, 1], [0.0004, 0.0005], [0.9, 1], [1, 1], [4.8, 5], [23, 25], [260, 500]])('tops %f with %f', (x, top) => {
    expect(niceAbove(x)).toBeCloseTo(top, 12);
  });

  it('keeps quality inside [0, 1], in tenths, at least 0.2 high', () => {
    expect(unitRange([0.72, 0.83])).toEqual([0.7, 0.9]);
    expect(unitRange([0.98, 0.99])).toEqual([0.8, 1]);
    expect(unitRange([0.01, 0.02])).toEqual([0, 0.2]);
    expect(unitRange([])).toEqual([0, 1]);
  });

  it('breaks a line where there is nothing', () => {
    expect(path([[0, 1], [1, 2], [2, null], [3, 4]])).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
    expect(path([[0, null]])).toBe('');
  });

  it('chooses round times', () => {
    expect(timeTicks(100, 1000, 4)).toEqual([300, 600, 900]);
    expect(timeTicks(NOW / 1000 - 7 * 86_400, NOW / 1000, 8)).toHaveLength(7);
  });
});

describe('sparkline', () => {
  it('starts at zero, tops at a nice value, keeps gaps', () => {
    expect(sparkline([0, 4, null, 5], 30, 12)).toBe('M0.0 11.0L10.0 3.0M30.0 1.0');
  });
  it('lies on the ground for a quiet target and is nothing without data', () => {
    expect(sparkline([0, 0], 10, 12)).toBe('M0.0 11.0L10.0 11.0');
    expect(sparkline([null, null], 10, 12)).toBe('');
  });
});

describe('plane', () => {
  const rows = world.fleet(NOW).items;

  it('makes area, not radius, follow the money', () => {
    const area = (cost: number) => (radius(cost, 8) - 5) ** 2;
    expect(area(8) / area(4)).toBeCloseTo(2, 9);
    expect(radius(null, 8)).toBe(5);
    expect(radius(0, 0)).toBe(5);
  });

  it('frames the data with round edges and divides below the lowest baseline', () => {
    const edge = frame(rows);
    expect(edge.x0).toBe(0.6);
    expect(edge.y0).toBe(0.6);
    expect(edge.divide).toBeCloseTo(0.8, 9);
    expect(frame([])).toEqual({ x0: 0.8, y0: 0.6, divide: 0.8 });
  });

  it('places only what has both coordinates, whiskers around the dot', () => {
    const placed = marks(rows, linear([0.6, 1], [0, 400]), linear([0.6, 1], [300, 0]));
    expect(placed.map((m) => m.row.name)).not.toContain('embed-helper');
    expect(placed).toHaveLength(5);
    for (const m of placed) {
      expect(m.upper).toBeLessThan(m.y);
      expect(m.lower).toBeGreaterThan(m.y);
    }
  });

  it('keeps names apart', () => {
    const area = { left: 30, top: 0, right: 400, bottom: 300 };
    const placed = marks(rows, linear([0.6, 1], [30, 390]), linear([0.6, 1], [300, 8]));
    const named = labels(placed, area);
    expect(named).toHaveLength(5);
    const sorted = named.map((l) => l.y).sort((a, b) => a - b);
    sorted.slice(1).forEach((y, i) => expect(y - must(sorted[i])).toBeGreaterThan(11));
  });
});

describe('lens rows', () => {
  it('finds the nearest time within reach', () => {
    expect(nearest([10, 20, 30], 24, 6)).toBe(1);
    expect(nearest([10, 20, 30], 26, 6)).toBe(2);
    expect(nearest([10, 20, 30], 99, 6)).toBe(-1);
    expect(nearest([], 5, 6)).toBe(-1);
  });

  it('puts a hole into the line where steps are missing', () => {
    expect(withGaps([0, 60, 600], [[1, 2, 3]], 150)).toEqual({ x: [0, 60, 330, 600], columns: [[1, 2, null, 3]] });
  });

  it('keeps the line through steps that were joined, and breaks it where a joined one is missing', () => {
    expect([paceOf([], 60), paceOf([0, 60, 120], 60), paceOf([0, 1440, 2880, 3600], 60)]).toEqual([60, 60, 1440]);
    const { target, signals } = view(QWEN);
    const score = must(signals.bands.find((band) => band.dimension === 'relevance'));
    const sparse = [0, 1, 2, 3, 5, 6].map((i) => [1440 * i, 0.9, 0.8, 1, 120] as (typeof score.points)[number]);
    const [row] = qualityRows({ ...signals, bands: [{ ...score, points: sparse }] }, target);
    expect(must(row).pace).toBe(1440);
    expect(must(row).main).toEqual([0.9, 0.9, 0.9, 0.9, null, 0.9, 0.9]);
  });

  it('reads the p95 of the first token, with its objective, over the p50 line', () => {
    const { target, signals } = view('t-phi-4');
    const ttft = must(quantityRows(signals, target).find((r) => r.key === 'ttft'));
    expect(ttft.latest.value).toMatch(/^4\.\d\u00a0s$/);
    expect(ttft.latest.detail).toBe('p95 · objective 2\u00a0s');
    expect(ttft.lower).toBe(ttft.main);
    expect(ttft.base).toBe(2);
    expect(ttft.tints).toHaveLength(1);
  });

  it('averages several GPUs and bands their extremes', () => {
    const { target, signals } = view('t-gpt-oss-20b');
    const gpu = must(quantityRows(signals, target).find((r) => r.key === 'gpu'));
    const i = gpu.x.length - 1;
    expect(must(gpu.lower)[i]).toBeLessThan(must(gpu.main[i]));
    expect(must(gpu.upper)[i]).toBeGreaterThan(must(gpu.main[i]));
    expect(gpu.latest.detail).toBe('memory 74% · 2 GPUs');
  });

  it('leaves out what nobody measured', () => {
    const { target, signals } = view('t-embed-helper');
    expect(quantityRows(signals, target)).toEqual([]);
    expect(qualityRows(signals, target)).toEqual([]);
    expect(judgedPerStep(signals).total).toBe(0);
  });

  it('does not pass an old value off as the current one', () => {
    const { target, signals } = view('t-phi-4');
    const cut = { ...signals, series: signals.series.map((s) => ({ ...s, points: s.points.slice(0, -20) })) };
    const requests = must(quantityRows(cut, target).find((r) => r.key === 'requests'));
    expect(requests.latest.value).toBe('no data');
    expect(requests.latest.detail).toMatch(/^last \d\.\d\/s at 12:57$/);
  });

  it('tints the suspect stretch in the dimension that changed, and only there', () => {
    const { target, signals } = view(QWEN);
    const rows = qualityRows(signals, target);
    expect(rows.map((r) => r.key)).toEqual(['relevance', 'safety', 'professional_tone', 'refusal']);
    const [relevance, safety] = rows;
    expect(must(relevance).tints).toEqual([
      { from: NOW / 1000 - 103 * 60, to: NOW / 1000, strong: false },
      { from: NOW / 1000 - 103 * 60, to: NOW / 1000 - 82 * 60, strong: true },
    ]);
    expect(must(safety).tints).toEqual([]);
    expect(must(relevance).base).toBe(0.828);
    expect(must(relevance).latest).toEqual({ value: '0.74', detail: '[0.72, 0.76] · 520 judged' });
    expect(must(rows[3]).latest.value).toBe('2.6%');
    // The heuristic's band counts good answers; the row counts refusals, with the interval turned over.
    const band = must(signals.bands.find((b) => b.dimension === 'refusal')).points[0];
    expect(must(rows[3]).main[0]).toBeCloseTo(1 - must(band)[1], 12);
    expect(must(must(rows[3]).lower)[0]).toBeCloseTo(1 - must(band)[3], 12);
  });

  it('shows failures that happen, and neither those that never do nor styles', () => {
    const { target, signals } = view(QWEN);
    const seen = must(signals.bands.find((b) => b.dimension === 'refusal'));
    const band = (dimension: string, good: number) => ({
      ...seen,
      dimension,
      points: seen.points.map(([t, , , , n]): (typeof seen.points)[number] => [t, good, good, good, 1000 + n]),
    });
    const bands = [...signals.bands, band('injection', 0.9), band('secrets', 1), band('empty', 1), band('readability', 0.5), band('groundedness', 0.7)];
    const rows = qualityRows({ ...signals, bands }, target);
    expect(rows.map((r) => r.key)).toEqual(['relevance', 'safety', 'professional_tone', 'groundedness', 'empty', 'injection', 'refusal']);
    expect(must(rows.find((r) => r.key === 'injection')).main[0]).toBeCloseTo(0.1, 12);
    // A number of all answers is no share that is turned over, and no count of judged answers.
    expect(must(rows.find((r) => r.key === 'groundedness')).main[0]).toBe(0.7);
    expect(judgedPerStep({ ...signals, bands }).total).toBe(judgedPerStep(signals).total);
  });

  it('counts the judged of the most judged dimension', () => {
    const { signals } = view(QWEN);
    const judged = judgedPerStep(signals);
    expect(judged.total).toBe(judged.n.reduce((a, b) => a + b, 0));
    expect(judged.total).toBeGreaterThan(1000);
  });
});

describe('axis', () => {
  const event = (minutes: number, kind: string) => ({ time: new Date(NOW - minutes * 60_000).toISOString(), kind, target: null, id: kind, summary: kind });

  it('gives crowded words a second line and drops them after that', () => {
    const from = NOW / 1000 - 3600;
    const drawn = flags([event(30, 'deployment'), event(29, 'scaling'), event(28, 'alarm'), event(90, 'judge')], from, NOW / 1000, 600);
    expect(drawn.map((f) => [f.event.kind, f.lane])).toEqual([['deployment', 0], ['scaling', 1], ['alarm', null]]);
    expect(must(drawn[0]).share).toBe(0.5);
  });

  it('turns words at the right edge around', () => {
    const [flag] = flags([event(1, 'deployment')], NOW / 1000 - 3600, NOW / 1000, 600);
    expect(must(flag).before).toBe(true);
  });

  it('names days on long axes', () => {
    const texts = ticks(NOW / 1000 - 7 * 86_400, NOW / 1000, 700).map((t) => t.text);
    expect(texts).toContain('24 Nov');
  });
});

it('fills the evidence bar on a log scale', () => {
  expect(evidenceShare(1e3, 1e6)).toBeCloseTo(0.5, 9);
  expect(evidenceShare(0.5, 1e6)).toBe(0);
  expect(evidenceShare(3e6, 1e6)).toBe(1);
});

it('cuts a balance into shares of its total', () => {
  expect(slices(10, [['kept', 8], ['lost', 0], ['waiting', 2]])).toEqual([
    { kind: 'kept', from: 0, share: 0.8 },
    { kind: 'waiting', from: 0.8, share: 0.2 },
  ]);
  expect(slices(0, [])).toEqual([]);
});

describe('answersSeen', () => {
  const shares = (attributed: number | null, unattributed: number | null, invisible: number | null) => ({
    coverage: null,
    coverage_upper: null,
    attributed,
    unattributed,
    invisible,
  });
  it('says what Data Capture shows, and nothing where it is not the source', () => {
    expect(answersSeen(shares(null, null, null))).toBe('requests');
    expect(answersSeen(shares(0.8, 0, 0.2))).toBe('80% seen · 20% unseen');
    expect(answersSeen(shares(0.6, 0.3, 0.1))).toBe('30% nobody’s · 10% unseen');
    expect(answersSeen(shares(1, 0, 0))).toBe('100% seen');
  });
});
