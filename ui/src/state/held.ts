/**
 * A list that does not move under the reader: while it is held, rows that are shown keep their place
 * and only change in place; new ones are counted and wait.
 */
export interface Shown<T> {
  rows: T[];
  waiting: number;
}

export function merge<T extends { id: string }>(shown: T[], fresh: T[], held: boolean): Shown<T> {
  if (!held || shown.length === 0) return { rows: fresh, waiting: 0 };
  const byId = new Map(fresh.map((row) => [row.id, row]));
  const here = new Set(shown.map((row) => row.id));
  return {
    rows: shown.map((row) => byId.get(row.id) ?? row),
    waiting: fresh.filter((row) => !here.has(row.id)).length,
  };
}
