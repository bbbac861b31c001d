import { describe, expect, it } from 'vitest';
import { explains } from './explains';

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
