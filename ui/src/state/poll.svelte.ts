/**
 * One resource, asked for again and again. The last good answer stays when the server is silent;
 * `error` then says so and the page marks it stale. A hidden tab does not ask.
 */
import { ApiError, get } from '../api/client';

export const EVERY_MS = 2000;
/** A server that takes longer than this is as good as silent. */
const PATIENCE_MS = 10_000;

export class Poll<T> {
  data: T | null = $state.raw(null);
  error: ApiError | null = $state.raw(null);
  /** When `data` came, by this machine's clock. */
  at: number | null = $state(null);
  #wake: () => void = () => {};

  /** Asks now instead of at the next turn. */
  refresh(): void {
    this.#wake();
  }

  run(where: string, every: number): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    let asking: AbortController | null = null;
    const ask = async () => {
      clearTimeout(timer);
      asking?.abort();
      const mine = new AbortController();
      asking = mine;
      let late = false;
      const patience = setTimeout(() => {
        late = true;
        mine.abort();
      }, PATIENCE_MS);
      try {
        const data = await get<T>(where, mine.signal);
        if (mine.signal.aborted) return;
        this.data = data;
        this.error = null;
        this.at = Date.now();
      } catch (cause) {
        if (late) this.error = new ApiError('the server does not answer within 10 s');
        else if (mine.signal.aborted) return;
        else this.error = cause instanceof ApiError ? cause : new ApiError(String(cause));
      } finally {
        clearTimeout(patience);
      }
      if (!stopped) timer = setTimeout(turn, every);
    };
    const turn = () => {
      if (document.hidden) timer = setTimeout(turn, every);
      else void ask();
    };
    const shown = () => {
      if (!document.hidden) void ask();
    };
    document.addEventListener('visibilitychange', shown);
    this.#wake = () => void ask();
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
      asking?.abort();
      document.removeEventListener('visibilitychange', shown);
    };
  }
}

/**
 * Polls what `where` names, and starts over when it names something else. Data of another subject
 * (another path) is dropped at once; another window of the same subject replaces it when it comes.
 */
export function poll<T>(where: () => string | null, every: () => number = () => EVERY_MS): Poll<T> {
  const state = new Poll<T>();
  let subject = '';
  const address = $derived(where());
  const pause = $derived(every());
  $effect(() => {
    const now = address;
    const path = now?.split('?')[0] ?? '';
    if (path !== subject) {
      subject = path;
      state.data = null;
      state.error = null;
      state.at = null;
    }
    if (now === null) return;
    return state.run(now, pause);
  });
  return state;
}
