import type { JudgeSpend } from '../api/types';
import { large, usd } from '../format';

/** What the day will have cost at the pace of now; nothing where that is not known. */
export function heading(s: JudgeSpend): string {
  if (s.cap_usd !== null && s.forecast_usd !== null) return `heading for ${usd(s.forecast_usd)}`;
  if (s.cap_tokens !== null && s.forecast_tokens !== null) return `heading for ${large(s.forecast_tokens)}`;
  return '';
}

/** What judging has cost today, of what it may cost. */
export function spend(s: JudgeSpend): string {
  if (s.usd !== null) return `judging ${usd(s.usd)} today${s.cap_usd === null ? '' : ` of ${usd(s.cap_usd)}`}`;
  return `judging ${large(s.tokens)} tokens today${s.cap_tokens === null ? '' : ` of ${large(s.cap_tokens)}`}`;
}
