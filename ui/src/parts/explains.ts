import type { Explained, Ladder } from '../api/types';
import { count, fixed, percent, usd } from '../format';

/** Below this share of the judge's scores, predictions are not worth their trouble. */
const WORTH = 0.1;

/** What cheap signals explain of the judge and what that would save, or that it saves nothing. */
export function explains(of: Explained): string {
  const share = `cheap signals explain ${fixed(of.rho2, 2)} [${fixed(of.lower, 2)}, ${fixed(of.upper, 2)}] of the judge`;
  if (of.upper < WORTH) return `${share}: they save nothing`;
  if (of.lower < WORTH) return `${share}: too little is known to say what they save`;
  // What is saved grows in proportion to rho²: its interval is that of rho², scaled.
  const range = (saving: number, said: (x: number) => string) =>
    `${said((saving * of.lower) / of.rho2)} to ${said((saving * of.upper) / of.rho2)}`;
  const dollars = of.saving_usd_per_day === null ? '' : `, ${range(of.saving_usd_per_day, usd)} a day`;
  return `${share}: they could save ${range(of.saving, percent)} of its calls${dollars}`;
}

/** How the cheap judge goes with the judge, and what of it is worth its price. */
export function ladder(of: Ladder): string {
  const name = of.evaluator.replace(/^judge:/, '');
  if (of.per_judged === null) return `cheap judge ${name}: ${count(of.n)} scores, ${count(of.pairs)} beside the judge's: too few to say what they are worth`;
  return `cheap judge ${name} explains ${fixed(of.rho2, 2)} [${fixed(of.lower, 2)}, ${fixed(of.upper, 2)}] of the judge over ${count(of.pairs)} answers: ${of.advice}`;
}
