import type { JudgeCost, JudgeNow, Price } from '../api/judging';
import { duration, large, usd } from '../format';

/** Dollars, or tokens where the price of a part of them is not known. */
export function amount(cost: Price): string {
  return cost.usd === null ? `${large(cost.tokens)} tokens` : usd(cost.usd);
}

/** Since when a judge has not answered; nothing while it answers. */
export function standing(cost: JudgeCost, judges: JudgeNow[], now: number): string {
  const role = cost.role === 'judge' ? 'first' : cost.role;
  const judge = judges.find((one) => one.role === role && one.evaluator === cost.evaluator);
  if (!judge || judge.circuit === 'closed' || judge.away_since === null) return '';
  return `has not answered for ${duration(Math.max(0, (now - Date.parse(judge.away_since)) / 1000))}`;
}
