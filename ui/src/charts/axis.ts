/** The one time axis between the lenses: ticks, and which events have room for their word. */
import type { Event } from '../api/types';
import { clock, day, words } from '../format';
import { timeTicks } from './scale';

export interface Tick {
  time: number;
  share: number;
  text: string;
}

export interface Flag {
  event: Event;
  share: number;
  text: string;
  /** The line of words it stands on; null when there is no room. */
  lane: number | null;
  /** The word stands left of its line when it would leave the axis on the right. */
  before: boolean;
}

export function ticks(from: number, to: number, width: number): Tick[] {
  const long = to - from > 2 * 86_400;
  return timeTicks(from, to, Math.max(2, width / (long ? 90 : 70))).map((time) => ({
    time,
    share: (time - from) / (to - from),
    text: long || time % 86_400 === 0 ? (time % 86_400 === 0 ? day(time * 1000) : `${day(time * 1000)} ${clock(time * 1000)}`) : clock(time * 1000),
  }));
}

const LANES = 2;

export function flags(events: Event[], from: number, to: number, width: number): Flag[] {
  const taken = new Array<number>(LANES).fill(-Infinity);
  return events
    .map((event) => ({ event, share: (Date.parse(event.time) / 1000 - from) / (to - from) }))
    .filter(({ share }) => share >= 0 && share <= 1)
    .sort((a, b) => a.share - b.share)
    .map(({ event, share }) => {
      const text = words(event.kind);
      const room = text.length * 6.2 + 14;
      const left = share * width;
      const before = left + room > width;
      const start = before ? left - room : left;
      const lane = taken.findIndex((end) => start >= end);
      if (lane >= 0) taken[lane] = start + room;
      return { event, share, text, lane: lane < 0 ? null : lane, before };
    });
}
