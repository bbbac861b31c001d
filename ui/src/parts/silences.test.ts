import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as world from '../fixtures/world.mjs';
import { who } from '../state/who.svelte';
import AlertItem from './alertitem.svelte';
import Silences from './silences.svelte';

const NOW = Date.UTC(2026, 10, 24, 14, 0, 0);
const text = (node: Element | null) => (node?.textContent ?? '').replace(/[\s\u00a0]+/g, ' ').trim();

describe('silences', () => {
  let sent: { method: string; url: string; body: unknown }[];
  let refuse: object | null;
  beforeEach(() => {
    [sent, refuse] = [[], null];
    who.name = '';
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
      const method = init.method ?? 'GET';
      if (method !== 'GET') {
        sent.push({ method, url, body: init.body ? JSON.parse(init.body as string) : null });
        if (refuse) return Promise.resolve(new Response(JSON.stringify({ error: refuse }), { status: 400 }));
      }
      const answer = url.endsWith('/rules') ? world.rules() : world.silences(NOW);
      return Promise.resolve(new Response(JSON.stringify(answer), { status: 200 }));
    });
  });
  afterEach(() => vi.unstubAllGlobals());
  const shown = () => render(Silences, { targets: world.fleet(NOW).items, now: NOW, refresh: () => undefined });

  it('lists whose they are, why, until when, and what they withheld', async () => {
    shown();
    const [active, over] = await screen.findAllByTestId('silence');
    expect(text(active!)).toContain('service degraded of phi-4');
    expect(text(active!)).toMatch(/active ana: upgrade of the driver until .*, 50 min left 2 messages withheld/);
    expect(text(over!)).toMatch(/all info alerts of every target over ben: load test ended .* by ana nothing withheld/);
    expect(over!.querySelector('button')).toBeNull();
  });

  it('makes one with matchers, owner, reason and span, and tells what is refused', async () => {
    shown();
    await screen.findByRole('option', { name: 'outage', hidden: true });
    const make = screen.getByTestId<HTMLButtonElement>('silence-make');
    expect(make.disabled).toBe(true);
    await fireEvent.change(screen.getByTestId('silence-rule'), { target: { value: 'outage' } });
    await fireEvent.change(screen.getByTestId('silence-for'), { target: { value: '8h' } });
    await fireEvent.input(screen.getByTestId('silence-owner'), { target: { value: 'ana' } });
    await fireEvent.input(screen.getByTestId('silence-reason'), { target: { value: 'upgrade' } });
    expect(make.disabled).toBe(false);
    refuse = { code: 'B0400', message: 'a silence has one end', hint: 'give one' };
    await fireEvent.submit(screen.getByTestId('silence-form'));
    await waitFor(() => expect(text(screen.getByTestId('silence-said'))).toBe('Not done: a silence has one end; give one.'));
    refuse = null;
    await fireEvent.submit(screen.getByTestId('silence-form'));
    await waitFor(() => expect(text(screen.getByTestId('silence-said'))).toContain('Silenced.'));
    expect(sent[1]).toEqual({ method: 'POST', url: 'api/v1/silences', body: { rule: 'outage', target: null, severity: null, owner: 'ana', reason: 'upgrade', for: '8h' } });
  });

  it('ends one early in the name of who does it', async () => {
    who.name = 'ben';
    shown();
    await fireEvent.click(await screen.findByTestId('end-silence'));
    await waitFor(() => expect(sent[0]).toEqual({ method: 'DELETE', url: 'api/v1/silences/s1?by=ben', body: null }));
  });

  it('are named at the alerts that they mute', () => {
    const alert = world.alerts(NOW).items.find((a) => a.muted)!;
    render(AlertItem, { alert, now: NOW, silence: () => undefined });
    expect(text(screen.getByTestId('muted'))).toMatch(/^silenced by ana until .*: upgrade of the driver$/);
    expect(text(screen.getByTestId('deliveries'))).toBe('nobody was told');
  });
});
