import { describe, expect, it } from 'vitest';
import type { Slo } from '../api/rules';
import { counted, fastest, filled, left } from './objectives';

const slo = (over: Partial<Slo>): Slo => ({
  name: 'availability', good: 'availability', dimension: null, objective: 0.99, period_days: 30, good_share: 0.999, budget_left: 0.9, n: 1000,
  burns: [{ window: '5m', rate: 0, decides: 0, n: 10 }, { window: '3d', rate: 0.9, decides: 0.9, n: 900 }], ...over,
});

describe('objectives', () => {
  it('says what is counted and what is left', () => {
    expect(counted(slo({ good: 'good_answers', dimension: 'relevance' }))).toBe('judged answers that pass relevance');
    expect(left(slo({}))).toBe('90% of the budget left');
    expect(left(slo({ budget_left: -1.5 }))).toBe('overdrawn 2.5 times');
    expect(left(slo({ budget_left: null, n: 0 }))).toBe('nothing seen yet');
  });
  it('fills the bar between nothing and all', () => {
    expect([filled(slo({})), filled(slo({ budget_left: -3 })), filled(slo({ budget_left: null }))]).toEqual([0.9, 0, 0]);
  });
  it('names the window that is nearest to its alert', () => {
    expect(fastest(slo({}))).toEqual({ window: '3d', rate: 0.9, of: 1 });
    expect(fastest(slo({ burns: [{ window: '1h', rate: 30, decides: null, n: 3 }] }))).toBeNull();
  });
});
