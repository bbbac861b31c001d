import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, address, get } from '../api/client';
import { merge } from './held';
import { Poll } from './poll.svelte';
import { href, parse, range, route } from './route.svelte';

describe('route', () => {
  it('reads page, id and query from the hash', () => {
    expect(parse('#/targets/a%2Fb?range=1h')).toEqual({ page: 'targets', id: 'a/b', query: { range: '1h' } });
    expect(parse('#/inferences/0199-1?target=t-1')).toEqual({ page: 'inferences', id: '0199-1', query: { target: 't-1' } });
    expect(parse('')).toEqual({ page: 'fleet', id: null, query: {} });
  });

  it('falls back to the fleet for what it does not know', () => {
    expect(parse('#/nonsense/1').page).toBe('fleet');
    expect(parse('#/targets').page).toBe('fleet');
    expect(parse('#/targets/%E0%A4%A').id).toBe('%E0%A4%A');
  });

  it('carries the range along and falls back to 6 h', () => {
    Object.assign(route, parse('#/targets/t-1?range=24h'));
    expect(range()).toBe('24h');
    expect(href('inferences', null, { target: 't 1', worst: null })).toBe('#/inferences?range=24h&target=t+1');
    Object.assign(route, parse('#/targets/t-1?range=toString'));
    expect(range()).toBe('6h');
  });
});

describe('client', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('escapes ids and leaves empty filters out', () => {
    expect(address(['targets', 'a/b', 'signals'], { from: 1, target: '', worst: null })).toBe('targets/a%2Fb/signals?from=1');
  });

  it('reads the error envelope', async () => {
    const body = { error: { code: 'B0404', message: 'no such target', hint: 'look' } };
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), { status: 404 })));
    await expect(get('targets/x')).rejects.toMatchObject({ message: 'no such target', code: 'B0404', hint: 'look', unreachable: false });
  });

  it('tells silence from an error', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    const silence = await get('fleet').catch((e: unknown) => e);
    expect(silence).toBeInstanceOf(ApiError);
    expect((silence as ApiError).unreachable).toBe(true);
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>', { status: 502 })));
    await expect(get('fleet')).rejects.toMatchObject({ unreachable: true });
  });
});

describe('poll', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('keeps the last answer while the server is silent and recovers', async () => {
    let n = 0;
    vi.stubGlobal('fetch', () => {
      n += 1;
      return n === 2 ? Promise.reject(new TypeError('refused')) : Promise.resolve(new Response(JSON.stringify({ n })));
    });
    const poll = new Poll<{ n: number }>();
    const stop = poll.run('fleet', 2000);
    await vi.advanceTimersByTimeAsync(10);
    expect([poll.data, poll.error]).toEqual([{ n: 1 }, null]);
    const first = poll.at;
    await vi.advanceTimersByTimeAsync(2000);
    expect(poll.data).toEqual({ n: 1 });
    expect(poll.error?.unreachable).toBe(true);
    expect(poll.at).toBe(first);
    await vi.advanceTimersByTimeAsync(2000);
    expect([poll.data, poll.error]).toEqual([{ n: 3 }, null]);
    stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(n).toBe(3);
  });
});

describe('a poll of a server that hangs', () => {
  it('says so after 10 s, and asks again', async () => {
    vi.useFakeTimers();
    let n = 0;
    vi.stubGlobal('fetch', (_: string, { signal }: { signal: AbortSignal }) => {
      n += 1;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      });
    });
    const poll = new Poll<unknown>();
    const stop = poll.run('fleet', 2000);
    await vi.advanceTimersByTimeAsync(9900);
    expect([n, poll.error]).toEqual([1, null]);
    await vi.advanceTimersByTimeAsync(200);
    expect(poll.error?.unreachable).toBe(true);
    await vi.advanceTimersByTimeAsync(2000);
    expect(n).toBe(2);
    stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
});

describe('a held list', () => {
  const row = (id: string, score: number | null = null) => ({ id, score });

  it('follows while nobody reads', () => {
    expect(merge([row('a')], [row('b'), row('a')], false)).toEqual({ rows: [row('b'), row('a')], waiting: 0 });
  });

  it('keeps every row in place while somebody reads, and still changes it', () => {
    expect(merge([row('b'), row('a')], [row('c'), row('b', 0.9)], true)).toEqual({ rows: [row('b', 0.9), row('a')], waiting: 1 });
  });
});
