import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { incidents } from '../fixtures/world.mjs';
import { who } from '../state/who.svelte';
import Incidents from './incidents.svelte';

const NOW = Date.parse('2026-11-24T15:20:00Z');

describe('incidents', () => {
  it('say size, onset, cause, what was ruled out and where, each with its words', () => {
    render(Incidents, { incidents: incidents({}, NOW).items, now: NOW, named: true });
    const [system, judge] = screen.getAllByTestId('incident');
    expect(system?.dataset['cause']).toBe('system');
    expect(within(system!).getByText('0.05 to 0.11')).toBeTruthy();
    expect(within(system!).getAllByTestId('check').map((c) => c.dataset['outcome'])).toEqual(['ruled_out', 'ruled_out', 'unclear']);
    expect(within(system!).getByTestId('slice').textContent).toContain('80 to 100% of the fall');
    expect(within(system!).getByText('Aligned with')).toBeTruthy();
    expect(judge?.dataset['closed']).toBe('true');
    expect(within(judge!).getByTestId('cause').textContent).toBe('judge');
  });

  it('say that a size is not measured yet instead of a zero', () => {
    const [first] = incidents({}, NOW).items;
    render(Incidents, { incidents: [{ ...first!, effect: null, checks: [], slices: [], cause: 'pending' }], now: NOW });
    expect(screen.getByText(/not measured yet/)).toBeTruthy();
    expect(screen.queryByTestId('check')).toBeNull();
  });

  describe('show what the container wrote', () => {
    afterEach(() => vi.unstubAllGlobals());

    const opened = (items: unknown[]) => {
      const asked: string[] = [];
      vi.stubGlobal('fetch', (url: string) => {
        asked.push(url);
        return Promise.resolve(new Response(JSON.stringify({ items, next: null }), { status: 200 }));
      });
      const [first] = incidents({}, NOW).items;
      render(Incidents, { incidents: [first!], now: NOW });
      const details = screen.getByTestId<HTMLDetailsElement>('containerlog');
      expect(asked).toEqual([]);
      details.open = true;
      return asked;
    };

    it('when somebody opens it, with the group and that lines are missing', async () => {
      const line = { time: '2026-11-24T14:04:30Z', stream: 'AllTraffic/i-0', text: 'loading <b>weights</b>' };
      const span = { from: line.time, to: line.time, read: line.time };
      const asked = opened([{ group: '/aws/sagemaker/InferenceComponents/qwen', ...span, lines: [line], is_cut: true }]);
      await waitFor(() => expect(screen.getByText('loading <b>weights</b>').title).toBe('AllTraffic/i-0'));
      expect(screen.getByText('/aws/sagemaker/InferenceComponents/qwen, not all lines')).toBeTruthy();
      expect(asked).toEqual(['api/v1/incidents/i1/logs']);
    });

    it('and say how to keep it where nothing is kept', async () => {
      opened([]);
      await waitFor(() => expect(screen.getByText(/container_logs = true/)).toBeTruthy());
    });
  });

  describe('are handled by people', () => {
    afterEach(() => vi.unstubAllGlobals());

    it('who acknowledge, comment and close them under their name', async () => {
      const sent: { url: string; body: unknown }[] = [];
      vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
        sent.push({ url, body: JSON.parse(init.body as string) });
        return Promise.resolve(new Response('{}', { status: 200 }));
      });
      who.name = '';
      const refresh = vi.fn();
      const [, over] = incidents({}, NOW).items;
      render(Incidents, { incidents: [{ ...over!, closed: null }], now: NOW, refresh });
      const press = (id: string) => fireEvent.click(screen.getByTestId(id));
      expect(screen.getByTestId<HTMLButtonElement>('acknowledge').disabled).toBe(true);
      await fireEvent.input(screen.getByTestId('handle-name'), { target: { value: 'ana' } });
      await press('acknowledge');
      await waitFor(() => expect(refresh).toHaveBeenCalledTimes(1));
      await fireEvent.input(screen.getByTestId('handle-text'), { target: { value: 'rolled back' } });
      await press('close-incident');
      await waitFor(() => expect(refresh).toHaveBeenCalledTimes(2));
      expect(sent).toEqual([
        { url: 'api/v1/incidents/i2/acknowledge', body: { by: 'ana' } },
        { url: 'api/v1/incidents/i2/close', body: { by: 'ana', note: 'rolled back' } },
      ]);
    });

    it('and show who looks after them and what was said', () => {
      const said = { by: 'ben', at: new Date(NOW - 600_000).toISOString(), text: 'wrong quantisation' };
      const [open, over] = incidents({}, NOW).items;
      render(Incidents, { incidents: [open!, { ...over!, closed_by: said }], now: NOW });
      expect(screen.getByTestId('acknowledged').textContent).toContain('ana looks after it');
      expect(screen.getByTestId('comment').textContent).toContain('rolling the deployment back');
      expect(screen.getByTestId('closed-by').textContent).toMatch(/ben.*closed it.*wrong quantisation/);
      expect(screen.queryByTestId('acknowledge')).toBeNull();
    });
  });
});
