import { describe, expect, it } from 'vitest';
import { bytes, clock, count, decimalsFor, duration, estimate, evidence, fixed, givenPercent, givenSeconds, large, moment, percent, plural, rough, seconds, share, usd } from './format';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');
const about = (value: number, lower: number, upper: number, n_judged = 520) => ({
  value, lower, upper, n_judged, n_total: 9 * n_judged, method: 'student_t', window: { start: '', end: '' },
});

describe('absent, zero and small are three things', () => {
  it.each([count, rough, percent, seconds, usd, bytes, duration, evidence])('%o says that data are absent', (say) => {
    expect(say(null)).toBe('no data');
    expect(say(undefined)).toBe('no data');
    expect(say(Number.NaN)).toBe('no data');
  });

  it('shows zero as zero', () => {
    expect(count(0)).toBe('0');
    expect(rough(0)).toBe('0');
    expect(percent(0)).toBe('0%');
    expect(usd(0)).toBe('$0.00');
    expect(plain(seconds(0))).toBe('0 ms');
  });

  it('never rounds something to nothing or to everything', () => {
    expect(plain(percent(0.0004))).toBe('< 0.1%');
    expect(plain(percent(0.9996))).toBe('> 99.9%');
    expect(plain(rough(0.004))).toBe('< 0.01');
    expect(plain(usd(0.000001))).toBe('< $0.00001');
  });
});

it('groups thousands and uses a true minus without negative zero', () => {
  expect(fixed(18204, 0)).toBe('18,204');
  expect(fixed(-0.08, 2)).toBe('−0.08');
  expect(fixed(-0.001, 2)).toBe('0.00');
});

it.each([
  [0.0042, '4.2 ms'], [0.238, '238 ms'], [0.9999, '1.0 s'], [4.8, '4.8 s'], [9.96, '10 s'], [31, '31 s'], [119.4, '119 s'], [140, '2 min'],
])('latency %f is %s', (x, text) => expect(plain(seconds(x))).toBe(text));

it.each([
  [2, '2 s'], [59.6, '1 min'], [3600, '1 h'], [84 * 60, '1 h 24 min'], [31 * 3600, '1 d 7 h'], [48 * 3600, '2 d'],
])('span %f is %s', (x, text) => expect(plain(duration(x))).toBe(text));

it.each([
  [23.41, '$23.41'], [0.1, '$0.10'], [0.019, '$0.019'], [0.0031, '$0.0031'], [1240.5, '$1,240.50'], [-4, '−$4.00'],
])('money %f is %s', (x, text) => expect(usd(x)).toBe(text));

it('writes down what somebody gave without adding digits', () => {
  expect(plain(givenSeconds(2))).toBe('2 s');
  expect(plain(givenSeconds(0.35))).toBe('350 ms');
  expect(givenPercent(0.01)).toBe('1%');
});

describe('digits by interval', () => {
  it.each([
    [0.72, 0.76, 2], [0.7, 0.9, 1], [0.972, 0.988, 3], [0.2, 0.9, 1], [0.9, 0.9, 3], [0.9801, 0.9803, 3],
  ])('[%f, %f] supports %i decimals', (lower, upper, decimals) => expect(decimalsFor(lower, upper)).toBe(decimals));

  it('says value, interval and number of judged samples', () => {
    expect(estimate(about(0.738, 0.719, 0.761))).toEqual({ value: '0.74', interval: '[0.72, 0.76]', judged: '520 judged' });
  });

  it('says little where little is known', () => {
    expect(estimate(about(0.6123, 0.2, 0.95, 4))).toEqual({ value: '0.6', interval: '[0.2, 1.0]', judged: '4 judged' });
  });

  it('says shares as percentages', () => {
    expect(share(about(0.026, 0.02, 0.032, 4680))).toEqual({ value: '2.6%', interval: '[2.0, 3.2]%', judged: 'of 4,680' });
  });
});

it.each([
  [0, '0.0'], [0.04, '< 0.1'], [4.2, '4.2'], [310, '310'], [3.1e5, '3.1 × 10⁵'], [1e6, '1 × 10⁶'], [9.97e5, '1 × 10⁶'], [2.5e12, '2.5 × 10¹²'],
])('evidence %f is %s', (x, text) => expect(plain(evidence(x))).toBe(text));

it('counts in words', () => {
  expect(plural(1, 'request')).toBe('1 request');
  expect(plural(1200, 'request')).toBe('1,200 requests');
  expect(plain(bytes(182_400_000))).toBe('182 MB');
  expect(plain(bytes(4_190_000))).toBe('4.2 MB');
  expect(plain(bytes(999_700))).toBe('1.0 MB');
});

it('tells times in UTC and names the day when it is another', () => {
  const now = Date.UTC(2026, 10, 24, 14, 2, 9);
  expect(clock(now, true)).toBe('14:02:09');
  expect(moment(now - 3600_000, now)).toBe('13:02');
  expect(moment(now - 86_400_000, now)).toBe('23 Nov 14:02');
});

describe('huge counts', () => {
  it('have a word in place of zeros', () => {
    expect(plain(large(912_331))).toBe('912,331');
    expect(plain(large(1_240_000))).toBe('1.2 million');
    expect(plain(large(20_000_000_000))).toBe('20 billion');
    expect(large(null)).toBe('no data');
  });
});
