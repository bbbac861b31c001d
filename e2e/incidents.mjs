// The demo through quiet, incident and recovery, once for each incident, over real sockets and seen in the browser.
// The seed is drawn here and printed: BIFOCAL_SEED=N repeats a run, and `node e2e/incidents.mjs overload` runs one.
// Many seeds run in process, in the tests of the binary.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bifocal, OUT, sleep, until } from './support/bifocal.mjs';
import { launch, open } from './support/browser.mjs';

const STRUCK = 'qwen2.5-7b-instruct';
const OTHER = 'gpt-oss-20b';
const STATES = {
  'silent-degradation': 'silent_degradation',
  overload: 'overloaded',
  outage: 'outage',
  'cost-waste': 'wasteful',
};
/** Seconds of wall time. At speed 20 a minute is twenty simulated ones. */
const QUIET = 20;
const WITHIN = 60;
const RECOVERY = 180;

const chosen = process.argv.slice(2);
const names = chosen.length ? chosen : ['quiet', ...Object.keys(STATES)];
await mkdir(OUT, { recursive: true });
const browser = await launch();
const failures = [];
try {
  for (const name of names) {
    const seed = Number(process.env.BIFOCAL_SEED || randomInt(1, 1_000_000));
    try {
      console.log(`${name}: seed ${seed}: ${await run(name, seed)}`);
    } catch (err) {
      failures.push(`${name}: seed ${seed}: ${err.message}`);
      console.error(failures.at(-1));
    }
  }
} finally {
  await browser.close();
}
assert.deepEqual(failures, []);

async function run(name, seed) {
  const server = await bifocal('demo', '--speed', '20', '--seed', String(seed));
  const recorder = await record(server);
  try {
    const { now } = await server.get('fleet');
    for (const target of [STRUCK, OTHER]) await recorder.reaches(target, 'healthy', WITHIN);
    const began = recorder.seen.length;
    await sleep((name === 'quiet' ? QUIET + WITHIN : QUIET) * 1000);
    recorder.onlyHealthy(STRUCK, began);
    recorder.onlyHealthy(OTHER, began);
    if (name === 'quiet') {
      const { items } = await server.get('alerts');
      const told = items.filter((alert) => alert.status !== 'pending' && alert.since >= now);
      assert.deepEqual(told, [], 'an undisturbed run pages nothing');
      return 'stays healthy and pages nothing';
    }
    await recorder.page.locator('[data-testid=incident-target]').selectOption(STRUCK);
    await recorder.page.locator(`[data-testid=start-${name}]`).click();
    const entered = await recorder.reaches(STRUCK, STATES[name], WITHIN);
    await recorder.page.screenshot({ path: path.join(OUT, `incident-${name}.png`), fullPage: true });
    await recorder.page.locator('[data-testid=stop-incidents]').click();
    const recovered = await recorder.reaches(STRUCK, 'healthy', RECOVERY);
    recorder.onlyHealthy(OTHER, began);
    assert.deepEqual(recorder.faults, [], 'faults of the page');
    return `${STATES[name]} after ${entered.toFixed(1)} s, healthy again after ${recovered.toFixed(1)} s`;
  } catch (err) {
    throw new Error(`${err.message}\n${recorder.text()}\n${server.output().slice(-2000)}`);
  } finally {
    await writeFile(path.join(OUT, `states-${name}.txt`), `seed ${seed}\n${recorder.text()}`);
    await recorder.stop();
    await server.stop();
  }
}

/** Reads the states off the page four times a second, and keeps each change with its time. */
async function record(server) {
  const { page, context, faults } = await open(browser, `${server.url}/#/fleet`);
  const started = Date.now();
  const last = {};
  const seen = [];
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      const rows = await page
        .locator('[data-testid=target-row]')
        .evaluateAll((found) => found.map((row) => [row.dataset.target, row.dataset.state]))
        .catch(() => []);
      for (const [target, state] of rows) {
        if (last[target] !== state) seen.push({ seconds: (Date.now() - started) / 1000, target, state });
        last[target] = state;
      }
      await sleep(250);
    }
  })();
  return {
    page,
    faults,
    seen,
    /** Seconds until the target shows the state. */
    reaches: async (target, state, seconds) => {
      const from = Date.now();
      await until(`${target} is ${state}`, () => last[target] === state, seconds);
      return (Date.now() - from) / 1000;
    },
    onlyHealthy: (target, from) => {
      const others = seen.slice(from).filter((change) => change.target === target && change.state !== 'healthy');
      assert.deepEqual(others, [], `${target} stays healthy`);
      assert.equal(last[target], 'healthy', `${target} is healthy`);
    },
    text: () => seen.map((change) => `${change.seconds.toFixed(1)} s ${change.target} ${change.state}`).join('\n') + '\n',
    stop: async () => {
      stopped = true;
      await loop;
      await context.close();
    },
  };
}
