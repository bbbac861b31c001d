// The demo through quiet, incident and recovery, once for each incident, over real sockets and seen in the browser:
// first an undisturbed minute that must page nothing, then each incident started and stopped by the page's buttons.
// All in one run of the demo, as a person would do it; after a failure the next incident gets a demo of its own.
//
// The seed is drawn here and printed: BIFOCAL_SEED=N repeats a run, and `node e2e/incidents.mjs overload` runs one.
// What the page and the API said, and when, is left in target/e2e/states-NAME.txt. Many seeds run in process, in the
// tests of the binary.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bifocal, OUT, sleep, until } from './support/bifocal.mjs';
import { launch, open } from './support/browser.mjs';
import { takeScreenshot } from './support/screenshot.mjs';

const STRUCK = 'qwen2.5-7b-instruct';
const OTHER = 'gpt-oss-20b';
const STATES = {
  'silent-degradation': 'silent_degradation',
  overload: 'overloaded',
  outage: 'outage',
  'cost-waste': 'wasteful',
};
/** Not the model's doing: the cause that must be named. One goes through sockets here; all run in process. */
const CAUSES = { 'judge-swap': 'judge', 'mix-shift': 'mix' };
/** Seconds of wall time. At speed 20 a minute is twenty simulated ones. */
const UNDISTURBED = 60;
const QUIET = 5;
const WITHIN = 60;
const RECOVERY = 75;
/** Until the estimate of ten simulated minutes shows what the detector saw at once. */
const SETTLES = 8;

const chosen = process.argv.slice(2);
const names = chosen.length ? chosen : ['quiet', ...Object.keys(STATES), 'judge-swap'];
const unknown = names.filter((name) => name !== 'quiet' && !STATES[name] && !CAUSES[name]);
assert.deepEqual(unknown, [], `incidents: quiet, ${Object.keys({ ...STATES, ...CAUSES }).join(', ')}`);
const seed = Number(process.env.BIFOCAL_SEED || randomInt(1, 1_000_000));
console.log(`incidents: seed ${seed}`);
await mkdir(OUT, { recursive: true });
const browser = await launch();
const failures = [];
let world = null;
try {
  for (const name of names) {
    world ??= await start();
    try {
      console.log(`${name}: ${await run(name, world)}`);
    } catch (err) {
      failures.push(`${name}: seed ${seed}: ${err.message}\n${world.server.output().slice(-2000)}`);
      console.error(failures.at(-1));
      await end();
    }
  }
} finally {
  await end();
  await browser.close();
}
assert.deepEqual(failures, []);

async function start() {
  const server = await bifocal('demo', '--speed', '20', '--seed', String(seed));
  const recorder = await record(server).catch(async (err) => {
    await server.stop();
    throw err;
  });
  return { server, recorder };
}

async function end() {
  const ended = world;
  world = null;
  await ended?.recorder.stop();
  await ended?.server.stop();
}

async function run(name, { server, recorder }) {
  recorder.begin();
  try {
    for (const target of [STRUCK, OTHER]) await recorder.reaches(target, 'healthy', WITHIN);
    const { now } = await server.get('fleet');
    recorder.keepsHealthy(OTHER);
    recorder.keepsHealthy(STRUCK);
    await sleep((name === 'quiet' ? UNDISTURBED : QUIET) * 1000);
    recorder.assertKept();
    if (name === 'quiet') {
      assert.deepEqual(await told(server, now), [], 'an undisturbed run pages nothing');
      return `healthy and no alert for ${UNDISTURBED} s`;
    }
    if (CAUSES[name]) return await blameless(name, { server, recorder });
    recorder.mayChange(STRUCK);
    await recorder.page.locator('[data-testid=incident-target]').selectOption(STRUCK);
    await recorder.page.locator(`[data-testid=start-${name}]`).click();
    const entered = await recorder.reaches(STRUCK, STATES[name], WITHIN);
    await recorder.page.screenshot({ path: path.join(OUT, `incident-${name}.png`), fullPage: true });
    if (name === 'silent-degradation') {
      await sleep(SETTLES * 1000);
      await takeScreenshot(browser, server.url);
      await peopleHandleIt(server);
    }
    await recorder.page.locator('[data-testid=stop-incidents]').click();
    const recovered = await recorder.reaches(STRUCK, 'healthy', RECOVERY);
    recorder.assertKept();
    const others = (await told(server, now)).filter((alert) => alert.target_name !== STRUCK);
    assert.deepEqual(others, [], 'no alert of another target');
    assert.deepEqual(recorder.faults, [], 'faults of the page');
    return `${STATES[name]} after ${entered.toFixed(1)} s, healthy again ${recovered.toFixed(1)} s after its end`;
  } catch (err) {
    throw new Error(`${err.message}\n${recorder.text()}`);
  } finally {
    await writeFile(path.join(OUT, `states-${name}.txt`), `seed ${seed}\n${recorder.text()}`);
  }
}

/** On the page of alerts: somebody looks after the newest incident, says something, and closes it. */
async function peopleHandleIt(server) {
  const newest = async () => (await server.get('incidents')).items.find((i) => i.target_name === STRUCK);
  const { id } = await newest();
  const { page, context, faults } = await open(browser, `${server.url}/#/alerts`);
  const handling = page.locator('[data-testid=incident]').first().locator('[data-testid=handling]');
  const part = (name) => handling.locator(`[data-testid=${name}]`);
  await part('handle').click();
  await part('handle-name').fill('ana');
  await part('acknowledge').click();
  await part('acknowledged').waitFor();
  await part('handle-text').fill('rolling the model back');
  await part('comment-send').click();
  await part('comment').waitFor();
  await part('handle-text').fill('rolled back');
  await part('close-incident').click();
  const of = async () => (await server.get(`incidents/${id}`));
  await until('the incident is closed', async () => (await of()).closed_by !== null, 15);
  const handled = await of();
  assert.deepEqual([handled.acknowledged.by, handled.comments[0].text, handled.closed_by.text], ['ana', 'rolling the model back', 'rolled back']);
  assert.deepEqual(faults, [], 'faults of the page');
  await context.close();
}

/** Starts something that is not the model's doing: its cause is named, and nothing stands against the model. */
async function blameless(name, { server, recorder }) {
  for (const target of [STRUCK, OTHER]) recorder.mayChange(target);
  // What was the model's doing before is not asked about.
  const before = new Set((await server.get('incidents')).items.map((i) => i.id));
  const incidents = async () => (await server.get('incidents')).items.filter((i) => !before.has(i.id));
  await recorder.page.locator('[data-testid=incident-target]').selectOption(STRUCK);
  await recorder.page.locator(`[data-testid=start-${name}]`).click();
  const from = Date.now();
  const named = async () => (await incidents()).some((i) => i.target_name === STRUCK && i.cause === CAUSES[name]);
  await until(`the cause is named as ${CAUSES[name]}`, named, WITHIN);
  const seconds = (Date.now() - from) / 1000;
  for (const target of [STRUCK, OTHER]) await recorder.reaches(target, 'healthy', WITHIN);
  await recorder.page.screenshot({ path: path.join(OUT, `incident-${name}.png`), fullPage: true });
  await recorder.page.locator('[data-testid=stop-incidents]').click();
  for (const target of [STRUCK, OTHER]) await recorder.reaches(target, 'healthy', RECOVERY);
  const blamed = (await incidents()).filter((i) => i.cause === 'system');
  assert.deepEqual(blamed, [], 'no incident is laid at the model');
  assert.deepEqual(recorder.faults, [], 'faults of the page');
  return `named as ${CAUSES[name]} after ${seconds.toFixed(1)} s, nothing laid at the model`;
}

/** Alerts that fired or were resolved since a time. */
async function told(server, since) {
  const { items } = await server.get('alerts');
  return items.filter((alert) => alert.status !== 'pending' && alert.since >= since);
}

/** Reads the states off the page and from the API four times a second, and keeps each change with its time. */
async function record(server) {
  const { page, context, faults } = await open(browser, `${server.url}/#/fleet`);
  const watched = { page: {}, api: {} };
  const kept = new Set();
  let seen = [];
  let broken = [];
  let began = Date.now();
  let stopped = false;
  const note = (where, target, state) => {
    if (watched[where][target] === state) return;
    watched[where][target] = state;
    const change = { seconds: (Date.now() - began) / 1000, where, target, state };
    seen.push(change);
    if (kept.has(target) && state !== 'healthy') broken.push(change);
  };
  const rowsOfThePage = async () => {
    const rows = await page
      .locator('[data-testid=target-row]')
      .evaluateAll((found) => found.map((row) => [row.dataset.target, row.dataset.state]));
    for (const [target, state] of rows) note('page', target, state);
  };
  const rowsOfTheApi = async () => {
    const { items } = await server.get('targets');
    for (const item of items) note('api', item.name, item.state);
  };
  const loop = async (read) => {
    while (!stopped) {
      await read().catch(() => {}); // a reload, or a stop: what was not seen in time fails in `reaches`
      await sleep(250);
    }
  };
  const loops = [loop(rowsOfThePage), loop(rowsOfTheApi)];
  return {
    page,
    faults,
    /** Starts the clock and the list of changes anew; the states of now are its first lines. */
    begin: () => {
      began = Date.now();
      [seen, broken] = [[], []];
      kept.clear();
      for (const where of ['page', 'api'])
        for (const [target, state] of Object.entries(watched[where])) seen.push({ seconds: 0, where, target, state });
    },
    /** Seconds until page and API both show the state. */
    reaches: async (target, state, seconds) => {
      const from = Date.now();
      const both = () => watched.api[target] === state && watched.page[target] === state;
      await until(`${target} is ${state}`, both, seconds);
      return (Date.now() - from) / 1000;
    },
    keepsHealthy: (target) => kept.add(target),
    mayChange: (target) => kept.delete(target),
    assertKept: () => assert.deepEqual(broken, [], 'stays healthy'),
    text: () => seen.map((c) => `${c.seconds.toFixed(1)} s ${c.where} ${c.target} ${c.state}`).join('\n') + '\n',
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      await context.close();
    },
  };
}
