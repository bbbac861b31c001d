/** Finds the targets that a sentence names; the longest name wins where one contains another. */
import type { TargetRow } from '../api/types';

export interface Part {
  text: string;
  target: TargetRow | null;
}

export function mention(sentence: string, targets: TargetRow[]): Part[] {
  const byLength = targets.filter((t) => t.name).sort((a, b) => b.name.length - a.name.length);
  const parts: Part[] = [];
  let plain = '';
  let at = 0;
  while (at < sentence.length) {
    const found = byLength.find((t) => sentence.startsWith(t.name, at));
    if (found) {
      if (plain) parts.push({ text: plain, target: null });
      parts.push({ text: found.name, target: found });
      plain = '';
      at += found.name.length;
    } else {
      plain += sentence[at];
      at += 1;
    }
  }
  if (plain) parts.push({ text: plain, target: null });
  return parts;
}
