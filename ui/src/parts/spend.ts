import type { JudgeSpend } from '../api/types';
import { count, usd } from '../format';

/** What judging has cost today, of what it may cost. */
export function spend(s: JudgeSpend): string {
  if (s.usd !== null) return `judging ${usd(s.usd)} today${s.cap_usd === null ? '' : ` of ${usd(s.cap_usd)}`}`;
  return `judging ${count(s.tokens)} tokens today${s.cap_tokens === null ? '' : ` of ${count(s.cap_tokens)}`}`;
}
