import type { JudgeSpend } from '../api/types';
import { large, usd } from '../format';

/** What judging has cost today, of what it may cost. */
export function spend(s: JudgeSpend): string {
  if (s.usd !== null) return `judging ${usd(s.usd)} today${s.cap_usd === null ? '' : ` of ${usd(s.cap_usd)}`}`;
  return `judging ${large(s.tokens)} tokens today${s.cap_tokens === null ? '' : ` of ${large(s.cap_tokens)}`}`;
}
