import type { JudgeSpend } from '../api/types';
import { duration, large, plural, usd } from '../format';

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

/** Judges that do not answer, since when and why, and what waits for the first of them. */
export function away(s: JudgeSpend, now: number): string[] {
  return s.judges
    .filter((judge) => judge.circuit !== 'closed' && judge.away_since !== null)
    .map((judge) => {
      const name = judge.evaluator.replace(/^judge:/, '');
      const since = duration(Math.max(0, (now - Date.parse(judge.away_since ?? '')) / 1000));
      const why = judge.last_failure === null ? '' : ` (${judge.last_failure.replaceAll('_', ' ')})`;
      const waits = {
        first: `: ${plural(s.waiting, 'answer')} ${s.waiting === 1 ? 'waits' : 'wait'}`,
        second: ', so nothing severe is confirmed',
        cheap: ', so intervals are as wide as without it',
      }[judge.role];
      return `${judge.role === 'cheap' ? 'cheap judge' : 'judge'} ${name} has not answered for ${since}${why}${waits}`;
    });
}
