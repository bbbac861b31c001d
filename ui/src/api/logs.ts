import type { Iso } from './types';

/** What a container wrote around the beginning of an incident. */
export interface ContainerLog {
  group: string;
  from: Iso;
  to: Iso;
  read: Iso;
  lines: { time: Iso; stream: string; text: string }[];
  is_cut: boolean;
}
