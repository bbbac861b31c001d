import { render, screen, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { incidents } from '../fixtures/world.mjs';
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
});
