/** Opening sentences of the pages whose data come without one. */
import type { Alert, InferenceRow, JudgingBalance, Ledger, Reasons, SourceBalance } from '../api/types';
import { count, plural, words } from '../format';

export function inferencesSentence(rows: InferenceRow[], target: string | null, worst: string): string {
  const of = target ? ` of ${target}` : '';
  if (rows.length === 0) return `No inference${of} has been kept yet.`;
  const judged = rows.filter((r) => r.scores.some((s) => s.kind === 'judge' && s.value !== null)).length;
  const failed = rows.filter((r) => r.error_class !== null || (r.status ?? 200) >= 400).length;
  const which = worst ? `The ${count(rows.length)} inferences${of} with the lowest ${words(worst)}` : `The last ${plural(rows.length, 'inference')}${of}`;
  return `${which}: ${failed === 0 ? 'none failed' : `${count(failed)} failed`}, ${count(judged)} judged.`;
}

export function alertsSentence(alerts: Alert[]): string {
  const firing = alerts.filter((a) => a.status === 'firing');
  const pending = alerts.filter((a) => a.status === 'pending').length;
  const waiting = pending ? ` ${plural(pending, 'more is', 'more are')} pending.` : '';
  const rank = { critical: 0, warning: 1, info: 2 };
  const muted = firing.filter((a) => a.muted).length;
  const quiet = muted ? ` ${plural(muted, 'of them is', 'of them are')} not told: silenced, in maintenance, or said by another.` : '';
  const first = [...firing].sort((a, b) => Number(a.muted !== null) - Number(b.muted !== null) || rank[a.severity] - rank[b.severity] || a.since.localeCompare(b.since))[0];
  if (first) {
    const what = first.summary.replace(/[.\s]+$/, '');
    return `${plural(firing.length, 'alert is', 'alerts are')} firing.${firing.length > 1 ? ' First:' : ''} ${what}.${quiet}${waiting}`;
  }
  if (pending) return `No alert is firing; ${plural(pending, 'is', 'are')} pending.`;
  const resolved = alerts.length;
  return resolved ? `No alert is firing; ${plural(resolved, 'is', 'are')} resolved.` : 'No alert is firing, and none has fired.';
}

export const sum = (reasons: Reasons): number => Object.values(reasons).reduce((a, b) => a + b, 0);

export function because(reasons: Reasons): string {
  return Object.entries(reasons)
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => `${count(n)} ${words(reason)}`)
    .join(', ');
}

/** Received = stored + duplicate + rejected + dropped + in flight, in words and without zeros. */
export function sourceWords(s: SourceBalance): string {
  const parts = [`${count(s.stored)} stored`];
  if (s.duplicate) parts.push(`${plural(s.duplicate, 'duplicate')}`);
  if (sum(s.rejected)) parts.push(`${count(sum(s.rejected))} rejected (${because(s.rejected)})`);
  if (sum(s.dropped)) parts.push(`${count(sum(s.dropped))} dropped (${because(s.dropped)})`);
  if (s.in_flight) parts.push(`${count(s.in_flight)} in flight`);
  return `${count(s.received)} received = ${parts.join(' + ')}`;
}

export function judgingWords(j: JudgingBalance): string {
  const parts = [`${count(j.scored)} scored`];
  if (sum(j.failed)) parts.push(`${count(sum(j.failed))} failed (${because(j.failed)})`);
  if (sum(j.shed)) parts.push(`${count(sum(j.shed))} given up (${because(j.shed)})`);
  if (j.pending) parts.push(`${count(j.pending)} waiting`);
  return `${count(j.selected)} selected = ${parts.join(' + ')}`;
}

export function ledgerSentence(ledger: Ledger): string {
  const open = [...ledger.sources, ...ledger.judging].filter((b) => !b.balanced).length;
  const received = ledger.sources.reduce((n, s) => n + s.received, 0);
  const dropped = ledger.sources.reduce((n, s) => n + sum(s.dropped), 0);
  if (ledger.sources.length === 0) return 'Nothing has been received yet.';
  if (open) return `${plural(open, 'account does', 'accounts do')} not balance: records are missing that nothing explains.`;
  const lost = dropped === 0 ? 'nothing was dropped' : `${count(dropped)} dropped, each with its reason`;
  return `Every record is accounted for: ${count(received)} received, ${lost}.`;
}
