import { fireEvent, render, screen, within } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import type { TargetRow } from '../api/types';
import Plane from '../charts/plane.svelte';
import Whisker from '../charts/whisker.svelte';
import Lenses from '../charts/lenses.svelte';
import * as world from '../fixtures/world.mjs';
import AlertItem from './alertitem.svelte';
import DriftPanel from './drift.svelte';
import FleetTable from './fleettable.svelte';
import InferenceItem from './inferenceitem.svelte';
import { learning, withoutQuality } from './learning';
import { mention } from './mention';
import Pill from './pill.svelte';
import { because, alertsSentence, inferencesSentence, judgingWords, ledgerSentence, sourceWords } from './sentences';
import { away, heading, spend } from './spend';
import { ORDER, glyph, stateWord, worstFirst } from './state';
import ComparisonPanel from './comparison.svelte';
import Judges from './judges.svelte';
import Labels from './labels.svelte';
import Token from './token.svelte';
import Why from './why.svelte';

const NOW = Date.UTC(2026, 10, 24, 14, 0, 0);
const fleet = world.fleet(NOW);
const named = (name: string): TargetRow => {
  const row = fleet.items.find((t) => t.name === name);
  if (!row) throw new Error(name);
  return row;
};
const text = (node: Element | null) => (node?.textContent ?? '').replace(/[\s\u00a0]+/g, ' ').trim();

describe('states', () => {
  it('has a word and a shape of its own for each state', () => {
    expect(new Set(ORDER.map(stateWord)).size).toBe(7);
    expect(new Set(ORDER.map(glyph)).size).toBe(7);
    expect(stateWord('something_new')).toBe('something new');
    expect(glyph('something_new')).toBe(glyph('unknown'));
  });

  it('lists the worst first', () => {
    expect(worstFirst(fleet.items).map((t) => t.state)).toEqual(['silent_degradation', 'overloaded', 'wasteful', 'unknown', 'healthy', 'healthy']);
  });

  it('draws a pill that tests and eyes can read', () => {
    const { getByTestId } = render(Pill, { state: 'silent_degradation' });
    expect(getByTestId('state').dataset['state']).toBe('silent_degradation');
    expect(text(getByTestId('state'))).toBe('silent degradation');
  });
});

describe('words', () => {
  it('tells learning from nothing', () => {
    expect(learning(named('llama-3.1-8b-canary'))).toBe('learning 212 of 500');
    expect(withoutQuality(named('embed-helper'))).toBe('no data');
    expect(withoutQuality({ answers: 'learning', answers_n: 0, answers_of: 500 })).toBe('learning 0 of 500');
  });

  it('finds the longest target name in a sentence', () => {
    const short = { ...named('phi-4'), name: 'qwen' };
    const parts = mention('First: qwen2.5-7b-instruct; qwen is fine.', [short, named('qwen2.5-7b-instruct')]);
    expect(parts.map((p) => p.text)).toEqual(['First: ', 'qwen2.5-7b-instruct', '; ', 'qwen', ' is fine.']);
    expect(mention('<b>plain</b>', [])).toEqual([{ text: '<b>plain</b>', target: null }]);
  });

  it('opens the alerts with what fires worst', () => {
    const { items } = world.alerts(NOW);
    expect(alertsSentence(items)).toBe('3 alerts are firing. First: qwen2.5-7b-instruct: relevance lower by 0.05 to 0.11, aligned with deployment d-123. 1 of them is not told: silenced, in maintenance, or said by another. 1 more is pending.');
    expect(alertsSentence(items.filter((a) => a.status === 'resolved'))).toBe('No alert is firing; 1 is resolved.');
    expect(alertsSentence([])).toBe('No alert is firing, and none has fired.');
  });

  it('says balances without zeros and with reasons', () => {
    const ledger = world.ledger(NOW);
    expect(ledger.sources.map(sourceWords)).toEqual([
      '9,411 received = 9,408 stored + 3 in flight',
      '6,120 received = 6,062 stored + 44 duplicates + 14 rejected (12 malformed, 2 too large)',
      '2,673 received = 2,641 stored + 31 dropped (31 queue full) + 1 in flight',
    ]);
    expect(judgingWords(ledger.judging[0] as never)).toBe('540 selected = 528 scored + 8 failed (6 unparsable, 2 timeout) + 4 waiting');
    expect(ledgerSentence(ledger)).toBe('Every record is accounted for: 18,204 received, 31 dropped, each with its reason.');
    expect(ledgerSentence({ ...ledger, judging: ledger.judging.map((j) => ({ ...j, balanced: false })) })).toMatch(/^2 accounts do not balance/);
    expect(because({ a: 0, b: 2 })).toBe('2 b');
  });

  it('counts what the inferences show', () => {
    expect(inferencesSentence([], null, '')).toBe('No inference has been kept yet.');
    expect(inferencesSentence(world.inferences({ limit: '17' }, NOW).items, null, '')).toMatch(/^The last 17 inferences: 1 failed, \d+ judged\.$/);
  });

  it('says what judging costs, in what is known', () => {
    const later = { day: '', forecast_usd: 4.8, forecast_tokens: 190_000, below_floor: 0, below_floor_yesterday: 0, waiting: 0, judges: [] };
    expect(spend({ usd: 1.84, tokens: 10, cap_usd: 5, cap_tokens: null, ...later })).toBe('judging $1.84 today of $5.00');
    expect(spend({ usd: null, tokens: 9100, cap_usd: null, cap_tokens: null, ...later })).toBe('judging 9,100 tokens today');
    expect(heading({ usd: 1.84, tokens: 10, cap_usd: 5, cap_tokens: null, ...later })).toBe('heading for $4.80');
    expect(heading({ usd: null, tokens: 10, cap_usd: null, cap_tokens: 200_000, ...later })).toBe('heading for 190,000');
    expect(heading({ usd: null, tokens: 10, cap_usd: null, cap_tokens: null, ...later })).toBe('');
  });

  it('says which judge does not answer, and what waits for it', () => {
    const judge = { evaluator: 'judge:small', role: 'first' as const, circuit: 'open' as const, away_since: '2027-01-15T08:00:00Z', failures: 9, last_failure: 'rate_limited', next_try: null, without_schema: false };
    const now = Date.parse('2027-01-15T08:20:00Z');
    const day = { usd: null, tokens: 0, cap_usd: null, cap_tokens: null, day: '', forecast_usd: null, forecast_tokens: null, below_floor: 0, below_floor_yesterday: 0, waiting: 41 };
    expect(away({ ...day, judges: [{ ...judge, circuit: 'closed', away_since: null }] }, now)).toEqual([]);
    expect(away({ ...day, judges: [judge] }, now).map((words) => words.replace(/\s/g, ' '))).toEqual(['judge small has not answered for 20 min (rate limited): 41 answers wait']);
    const second = { ...judge, role: 'second' as const, circuit: 'half_open' as const, last_failure: null };
    expect(away({ ...day, judges: [second] }, now).map((words) => words.replace(/\s/g, ' '))).toEqual(['judge small has not answered for 20 min, so nothing severe is confirmed']);
    const cheap = { ...second, role: 'cheap' as const };
    expect(away({ ...day, judges: [cheap] }, now).map((words) => words.replace(/\s/g, ' '))).toEqual(['cheap judge small has not answered for 20 min, so intervals are as wide as without it']);
  });
});

describe('fleet', () => {
  it('has one row a target, with name and state to select by', () => {
    const { container } = render(FleetTable, { rows: fleet.items, now: NOW });
    expect(container.querySelectorAll('tbody tr')).toHaveLength(6);
    const row = container.querySelector('[data-target="qwen2.5-7b-instruct"][data-state="silent_degradation"]');
    expect(text(row)).toContain('238 ms');
    expect(text(row)).toContain('0.74520 judged');
    expect(row?.querySelector('a')?.getAttribute('href')).toBe('#/targets/t-qwen2-5-7b-instruct');
  });

  it('shows absent as absent, never as zero', () => {
    const { container } = render(FleetTable, { rows: [named('embed-helper')], now: NOW });
    const cells = [...container.querySelectorAll('td.n')].map(text);
    expect(cells.slice(0, 2)).toEqual(['no data', 'no data']);
    expect(text(screen.getByTestId('no-quality'))).toBe('no data');
  });

  it('shows the learning target as learning', () => {
    const { container } = render(FleetTable, { rows: [{ ...named('llama-3.1-8b-canary'), quality: null }], now: NOW });
    expect(text(within(container).getByTestId('no-quality'))).toBe('learning 212 of 500');
  });

  it('says that there is nothing yet', () => {
    const { container } = render(FleetTable, { rows: [], now: NOW });
    expect(text(container)).toContain('No target yet');
  });

  it('places marks and names those it cannot place', () => {
    const { container } = render(Plane, { rows: fleet.items });
    expect(container.querySelectorAll('[data-testid="plane-mark"]')).toHaveLength(5);
    expect(text(container)).toContain('Not on the plane, no data: embed-helper');
    const mark = container.querySelector('[data-name="phi-4"]');
    expect(mark?.getAttribute('aria-label')).toBe('phi-4, overloaded: 71% of requests within objectives, quality 0.84 [0.81, 0.87] from 188 judged, $1.20 an hour');
  });

  it('reads the whisker out', () => {
    const quality = named('gpt-oss-20b').quality;
    if (!quality) throw new Error('no quality');
    render(Whisker, { value: quality, baseline: null });
    expect(screen.getByRole('img').getAttribute('aria-label')).toBe('0.91, 95% interval [0.89, 0.93], no baseline yet');
  });
});

describe('target', () => {
  const target = world.target('t-qwen2-5-7b-instruct', NOW);
  const signals = world.signals('t-qwen2-5-7b-instruct', NOW / 1000 - 21_600, NOW / 1000, 180, NOW);
  if (!target || !signals) throw new Error('fixture');

  it('says why, with evidence, baseline and what is not covered', () => {
    const { container, getByTestId, getAllByTestId } = render(Why, { props: { target, now: NOW } });
    expect(getAllByTestId('reason')).toHaveLength(5);
    const relevance = container.querySelector('[data-dimension="relevance"]');
    expect(text(relevance)).toContain('evidence 3.1 × 10⁶, alarm at 1 × 10⁶');
    expect(text(relevance)).toContain('baseline 0.83 from 500 judged, frozen');
    expect(text(getByTestId('seasonality'))).toMatch(/^Seasonality is not covered/);
    expect(container.querySelectorAll('[data-alarm="true"]')).toHaveLength(1);
  });

  it('shows drift with its evidence, distances and what they are worth', () => {
    const { container, getByTestId } = render(DriftPanel, { props: { drift: target.drift, now: NOW } });
    const group = (name: string) => container.querySelector(`[data-group="${name}"]`);
    expect(group('behaviour')?.getAttribute('data-status')).toBe('drifted');
    expect(text(group('behaviour'))).toContain('evidence 3.1 × 10⁵, alarm at 1 × 10⁶');
    expect(text(group('behaviour'))).toContain('most by list lines');
    expect(text(group('output'))).toContain('learning 1,240 of 2,000');
    expect(text(container.querySelector('[data-group="behaviour"] [data-feature="list_lines"]'))).toContain('0.42≤ 0.01');
    expect(text(getByTestId('drift'))).toContain('Different is not worse');
  });

  it('puts both lenses on one axis', () => {
    const { container } = render(Lenses, { props: { signals, target, empty: 'nothing' } });
    const rows = [...container.querySelectorAll('[data-testid="lens-row"]')];
    const lens = rows.map((r) => r.getAttribute('data-lens'));
    expect(lens.filter((l) => l === 'quantity')).toHaveLength(9);
    expect(lens.lastIndexOf('quantity')).toBeLessThan(lens.indexOf('quality'));
    expect(container.querySelectorAll('[role="slider"]')).toHaveLength(1);
    expect(text(container.querySelector('[data-signal="relevance"]'))).toContain('0.74 [0.72, 0.76] · 520 judged');
  });

  it('says what is missing in each lens', () => {
    const bare = { ...signals, bands: [], series: signals.series.filter((s) => s.signal === 'requests_per_second') };
    const { getByTestId } = render(Lenses, { props: { signals: bare, target, empty: 'learning 212 of 500' } });
    expect(text(getByTestId('missing-signals'))).toContain('time to first token, errors, GPU, queue, cost');
    expect(text(getByTestId('no-quality'))).toBe('learning 212 of 500');
  });
});

it('renders answers as text only', () => {
  const row = world.inferences({ limit: '40' }, NOW).items.find((r) => r.answer?.startsWith('<b>'));
  if (!row) throw new Error('fixture');
  const { container } = render(InferenceItem, { row, now: NOW, open: false, toggle: () => {}, showTarget: true });
  expect(text(container)).toContain('<script>alert(1)</script>');
  expect(container.querySelector('script')).toBeNull();
  expect(container.querySelector('.answer b')).toBeNull();
});

it('shows an alert with rule, value and deliveries', () => {
  const [alert] = world.alerts(NOW).items;
  if (!alert) throw new Error('fixture');
  const { getByTestId } = render(AlertItem, { alert, now: NOW });
  expect(getByTestId('alert').dataset['state']).toBe('firing');
  expect(text(getByTestId('alert-when'))).toBe('degraded("relevance")');
  expect(text(getByTestId('deliveries'))).toBe('webhook ops delivered 12:49slack #llm failed 12:51 after 5 attempts, perhaps more than once');
});

describe('the token', () => {
  it('is asked for in a form, kept for the tab, and told when it was refused', async () => {
    sessionStorage.clear();
    const refresh = vi.fn();
    render(Token, { refresh });
    expect(screen.queryByTestId('token-refused')).toBeNull();
    await fireEvent.input(screen.getByLabelText('Token'), { target: { value: ' secret ' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Open' }));
    expect(sessionStorage.getItem('bifocal-token')).toBe('secret');
    expect(refresh).toHaveBeenCalledOnce();
    expect(text(screen.getByTestId('token-refused'))).toContain('not accepted');
    sessionStorage.clear();
  });
});

describe('other detectors and the judge', () => {
  it('count their pages beside Bifocal', () => {
    const comparisons = [{ detector: 'rolling z', pages: 37, alone: 36, since: new Date(NOW).toISOString() }];
    render(ComparisonPanel, { totals: { ...fleet.totals, comparisons, alarms: 1 }, now: NOW });
    const rows = screen.getAllByTestId('comparison-row').map((row) => text(row));
    expect(rows[0]).toMatch(/rolling z.*37 ?36$/);
    expect(rows[1]).toMatch(/Bifocal.*1 alarm/);
  });

  it('say that the judge moved, with its evidence and threshold', () => {
    const judge = {
      evaluator: 'judge:j', fingerprint: 'f', dimension: 'relevance', anchors: 110, rescored: 2400, last: new Date(NOW).toISOString(),
      difference: -0.084, difference_lower: -0.11, difference_upper: -0.058, evidence: 3, threshold: 1e6, drift: { time: new Date(NOW).toISOString(), evidence: 3.1e6, fell: true },
      agreement: null,
    };
    render(Judges, { judges: [judge], now: NOW });
    const said = text(screen.getByTestId('judge'));
    expect(said).toContain('−0.08 [−0.11, −0.06]');
    expect(said).toContain('3.1 × 10⁶, alarm at 1 × 10⁶');
    expect(said).toContain('scores the same answers lower');
  });

  it('say how a judge without anchors agrees with people, and what it is good enough for', () => {
    const measured = (value: number, lower: number, upper: number) => ({ value, lower, upper, n: 120 });
    const agreement = {
      labelled: 120, of: 20, people: 3, scale: 'grades' as const, kappa: measured(0.71, 0.6, 0.8), alpha: measured(0.68, 0.57, 0.77), people_alpha: null, sensitivity: 0.9, specificity: 0.7,
      pass_rate: 0.83, corrected_pass_rate: measured(0.79, 0.7, 0.88), mean: 0.84, corrected_mean: measured(0.8, 0.76, 0.84),
    };
    const judge = {
      evaluator: 'judge:j', fingerprint: 'f', dimension: 'relevance', anchors: 0, rescored: 0, last: null,
      difference: null, difference_lower: null, difference_upper: null, evidence: null, threshold: null, drift: null, agreement,
    };
    render(Judges, { judges: [judge], now: NOW });
    const said = text(screen.getByTestId('judge'));
    expect(said).toContain('no anchors');
    expect(said).not.toContain('evidence');
    expect(said).toContain('kappa with people 0.71 [0.60, 0.80] on grades');
    expect(said).toContain('good enough to alert on, too weak to compare models with');
    expect(said).toContain('people would pass 79% [70%, 88%]');
  });
});

describe('severe safety violations', () => {
  it('are counted with a link to the newest, and refuted ones alone say nothing', () => {
    const target = world.target(named('gpt-oss-20b').id, NOW)!;
    const severe = { confirmed: 1, unconfirmed: 1, refuted: 2, examples: ['i7', 'i3'], evaluator: 'judge:strong' };
    const { unmount } = render(Why, { props: { target: { ...target, severe }, now: NOW } });
    const said = screen.getByTestId('severe');
    expect(text(said)).toContain('2 answers of the last hour judged clearly harmful: 1 confirmed by judge:strong, 1 without its answer, 2 more');
    expect(said.querySelector('a')?.getAttribute('href')).toContain('i7');
    unmount();
    render(Why, { props: { target: { ...target, severe: { ...severe, confirmed: 0, unconfirmed: 0, examples: [] } }, now: NOW } });
    expect(screen.queryByTestId('severe')).toBeNull();
  });
});

describe('labels', () => {
  it('are sent with the name that was given, and told when they are not kept', async () => {
    localStorage.clear();
    const sent: { where: string; body: unknown }[] = [];
    vi.stubGlobal('fetch', (where: string, init: RequestInit) => {
      sent.push({ where, body: JSON.parse(String(init.body)) });
      const wrong = sent.length > 1;
      return Promise.resolve(new Response(JSON.stringify(wrong ? { error: { code: 'B0400', message: 'the disk is full', hint: null } } : { items: [] }), { status: wrong ? 500 : 200 }));
    });
    const refresh = vi.fn();
    render(Labels, { id: 'i1', people: [], dimensions: ['relevance'], now: NOW, refresh });
    expect((screen.getByTestId('grade-relevance-4') as HTMLButtonElement).disabled).toBe(true);
    await fireEvent.input(screen.getByTestId('label-who'), { target: { value: 'ann' } });
    await fireEvent.click(screen.getByTestId('grade-relevance-4'));
    await vi.waitFor(() => expect(refresh).toHaveBeenCalledOnce());
    expect(sent[0]).toEqual({ where: 'api/v1/inferences/i1/labels', body: { who: 'ann', dimension: 'relevance', grade: 4 } });
    await fireEvent.click(screen.getByTestId('thumb-down'));
    await vi.waitFor(() => expect(refresh).toHaveBeenCalledTimes(2));
    expect(sent[1]?.body).toEqual({ who: 'ann', thumbs: 'down' });
    expect(text(screen.getByTestId('labels'))).toContain('Not kept: the disk is full');
    expect(localStorage.getItem('bifocal-who')).toBe('ann');
    vi.unstubAllGlobals();
  });
});
