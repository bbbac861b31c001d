import { describe, expect, it } from 'vitest';
import { explains, ladder } from './explains';

const of = (lower: number, rho2: number, upper: number, saving_usd_per_day: number | null = null) =>
  explains({ rho2, lower, upper, n: 900, saving: rho2 / 1.05, saving_usd_per_day });

describe('what cheap signals explain of a judge', () => {
  it('says what they save, in dollars where prices are known', () => {
    expect(of(0.17, 0.21, 0.26)).toBe('cheap signals explain 0.21 [0.17, 0.26] of the judge: they could save 16% to 25% of its calls');
    expect(of(0.17, 0.21, 0.26, 1.5)).toContain('they could save 16% to 25% of its calls, $1.21 to $1.86 a day');
  });
  it('says plainly that they save nothing', () => {
    expect(of(0.01, 0.03, 0.06)).toMatch(/explain 0.03 \[0.01, 0.06\] of the judge: they save nothing$/);
  });
  it('says that it does not know', () => {
    expect(of(0.05, 0.12, 0.2)).toMatch(/too little is known/);
  });
});

describe('a cheap judge beside the judge', () => {
  const of = { evaluator: 'judge:small', n: 1800, pairs: 180, rho2: 0.62, lower: 0.51, upper: 0.71, price_ratio: 0.1, per_judged: 3.2, advice: '65% of the strong judgements with 3.2 cheap calls each: 86% of the cost' };
  it('says how they go together and what is advised', () => {
    expect(ladder(of)).toBe('cheap judge small explains 0.62 [0.51, 0.71] of the judge over 180 answers: 65% of the strong judgements with 3.2 cheap calls each: 86% of the cost');
  });
  it('says nothing of a few', () => {
    expect(ladder({ ...of, pairs: 12, per_judged: null, advice: 'not known yet' })).toMatch(/12 beside the judge's: too few/);
  });
});
