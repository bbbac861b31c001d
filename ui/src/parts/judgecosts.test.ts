import { describe, expect, it } from 'vitest';

import type { JudgeCost, JudgeNow } from '../api/judging';
import { amount, standing } from './judgecosts';

const cost: JudgeCost = {
  evaluator: 'judge:small', role: 'cheap', today: { usd: 0.12, tokens: 9100 }, month: { usd: 3.4, tokens: 250_000 }, anchors: { usd: 0, tokens: 0 }, answers: 410, per_answer: { usd: 0.0083, tokens: 610 },
};
const judge: JudgeNow = { evaluator: 'judge:small', role: 'cheap', circuit: 'open', away_since: '2027-01-15T08:00:00Z', failures: 9, last_failure: 'timeout', next_try: null, without_schema: false };
const plain = (text: string) => text.replace(/\s/g, ' ');

describe('what a judge costs', () => {
  it('is dollars, or tokens where a price is not known', () => {
    expect(amount(cost.month)).toBe('$3.40');
    expect(plain(amount({ usd: null, tokens: 9100 }))).toBe('9,100 tokens');
  });

  it('says when a cheap judge does not answer, and of the right one', () => {
    const now = Date.parse('2027-01-15T08:20:00Z');
    expect(plain(standing(cost, [judge], now))).toBe('has not answered for 20 min');
    expect(standing(cost, [{ ...judge, circuit: 'closed' }], now)).toBe('');
    expect(standing(cost, [{ ...judge, role: 'first' }], now)).toBe('');
    expect(standing({ ...cost, role: 'judge' }, [judge], now)).toBe('');
  });
});
