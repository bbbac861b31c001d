/** A total and the parts it falls into, as shares that add up to at most one. */
export interface Slice {
  kind: string;
  from: number;
  share: number;
}

export function slices(total: number, parts: [string, number][]): Slice[] {
  const whole = Math.max(total, parts.reduce((n, [, part]) => n + part, 0));
  if (whole <= 0) return [];
  let from = 0;
  return parts
    .filter(([, part]) => part > 0)
    .map(([kind, part]) => {
      const slice = { kind, from, share: part / whole };
      from += slice.share;
      return slice;
    });
}
