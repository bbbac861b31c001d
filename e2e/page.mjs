// The page of the demo in a real browser: both components become healthy, every view works light and dark, wide and
// narrow, by mouse and by keyboard, and nothing comes from another place. Leaves pictures of all pages in target/e2e/.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { bifocal, OUT, sleep, until } from './support/bifocal.mjs';
import { barriers, launch, open } from './support/browser.mjs';

const COMPONENTS = ['gpt-oss-20b', 'qwen2.5-7b-instruct'];
const VIEWS = [
  ['wide-light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['wide-dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
  ['narrow-light', { viewport: { width: 390, height: 844 }, colorScheme: 'light' }],
  ['narrow-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
];

await mkdir(OUT, { recursive: true });
const server = await bifocal('demo', '--speed', '20', '--seed', '11');
const browser = await launch();
try {
  await componentsBecomeHealthy();
  await nothingComesFromElsewhere();
  await everyViewFits();
  await theKeyboardReachesATarget();
  await answersAreShown();
  await aSilenceIsMadeAndEnded();
  console.log('page: ok');
} catch (err) {
  console.error(server.output().slice(-4000));
  throw err;
} finally {
  await browser.close();
  await server.stop();
}

async function componentsBecomeHealthy() {
  const { page, context } = await open(browser, `${server.url}/#/fleet`);
  for (const name of COMPONENTS) {
    const row = page.locator(`[data-testid=target-row][data-target="${name}"]`);
    await until(`${name} is healthy on the page`, async () => (await row.count()) && (await row.getAttribute('data-state')) === 'healthy', 60);
  }
  // The estimate is of the newest ten simulated minutes that were watched, so it needs half a minute to fill.
  await until('500 judged answers of each component', async () =>
    (await server.get('fleet')).items.every((item) => item.quality?.n_judged >= 500), 60);
  const { items, simulated } = await server.get('fleet');
  assert.deepEqual(items.map((item) => item.name).sort(), COMPONENTS, 'the demo has its two components and no other target');
  assert.equal(simulated, true);
  for (const item of items) {
    assert.ok(item.quality.lower < item.quality.value && item.quality.value < item.quality.upper, `${item.name} has a judged interval`);
    assert.ok(item.ttft_p95_seconds > 0 && item.cost_usd_per_hour > 0, `${item.name} has both lenses`);
  }
  assert.match(await page.locator('header').innerText(), /simulated/i, 'everything shown says that it is simulated');
  await context.close();
}

async function nothingComesFromElsewhere() {
  const answer = await fetch(`${server.url}/`);
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src '(self|none)'/, 'a strict content security policy');
  assert.doesNotMatch(policy, /unsafe-eval|https?:/, 'no eval and no other origin');
}

async function everyViewFits() {
  const [{ id }] = (await server.get('fleet')).items;
  const places = ['fleet', `targets/${encodeURIComponent(id)}`, 'inferences', 'alerts', 'ledger'];
  for (const [name, options] of VIEWS) {
    const { page, context, faults } = await open(browser, `${server.url}/#/fleet`, options);
    for (const place of places) {
      await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
      const main = page.locator(`main[data-page="${place.split('/')[0]}"]`);
      await main.waitFor();
      await until(`${place} shows its content`, async () => (await main.innerText()).length > 80, 15);
      await sleep(300); // charts are drawn in the next frames
      const { content, width } = await page.evaluate(() => ({ content: document.documentElement.scrollWidth, width: innerWidth }));
      assert.ok(content <= width, `${place} (${name}) is ${content} px wide in a window of ${width} px`);
      await page.screenshot({ path: path.join(OUT, `${place.split('/')[0]}-${name}.png`), fullPage: true });
      assert.deepEqual(await barriers(page), [], `what axe finds on ${place} (${name})`);
    }
    assert.deepEqual(faults, [], `faults of the page (${name})`);
    await context.close();
  }
}

async function theKeyboardReachesATarget() {
  const { page, context } = await open(browser, `${server.url}/#/fleet`);
  await page.locator('[data-testid=target-row]').first().waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.closest('[data-testid=target-row]')?.getAttribute('data-target') ?? null);
  let reached = null;
  for (let presses = 0; presses < 60 && reached === null; presses += 1) {
    await page.keyboard.press('Tab');
    reached = await focused();
  }
  assert.ok(COMPONENTS.includes(reached), 'Tab reaches the link of a target');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(ring, 'none', 'the focus can be seen');
  await page.keyboard.press('Enter');
  await page.locator('main[data-page=targets]').waitFor();
  await until('the title names the target', async () => (await page.title()).includes(reached), 15);
  await context.close();
}

async function answersAreShown() {
  const { items } = await server.get('inferences?limit=50');
  assert.ok(items.length === 50, 'newest inferences are there');
  // The newest are not judged yet: at this speed the judge may be minutes of simulated time behind.
  const judged = (await server.get('inferences?worst=relevance&limit=20')).items;
  const said = judged.flatMap((item) => item.scores.filter((score) => score.dimension === 'relevance' && score.kind === 'judge'));
  assert.ok(said.length >= 20 && said.every((score) => score.explanation), 'judged answers have the judge\'s words');
  const values = said.map((score) => score.value);
  assert.deepEqual(values, values.toSorted((a, b) => a - b), 'the worst come first');
  const { page, context } = await open(browser, `${server.url}/#/inferences`);
  await until('an answer of the API is on the page', async () => {
    const text = (await page.locator('main').innerText()).replaceAll(/\s+/g, ' ');
    const newest = (await server.get('inferences?limit=50')).items.filter((item) => (item.answer?.length ?? 0) > 30);
    return newest.some((item) => text.includes(item.answer.slice(0, 30).replaceAll(/\s+/g, ' ')));
  }, 15);
  await context.close();
}

async function aSilenceIsMadeAndEnded() {
  const { page, context, faults } = await open(browser, `${server.url}/#/alerts`);
  const field = (name) => page.locator(`[data-testid=silence-${name}]`);
  await field('open').click();
  await until('the rules are offered', async () => (await field('rule').locator('option').count()) > 5, 15);
  await field('rule').selectOption('wasteful');
  await field('target').selectOption({ label: COMPONENTS[1] });
  await field('for').selectOption('8h');
  await field('owner').fill('ana');
  await field('reason').fill('load test');
  await field('make').click();
  const row = page.locator('[data-testid=silence]').first();
  await until('the silence is listed', async () => (await row.count()) && (await row.innerText()).includes('load test'), 15);
  const [made] = (await server.get('silences')).items;
  assert.deepEqual([made.rule, made.target_name, made.owner, made.status], ['wasteful', COMPONENTS[1], 'ana', 'active']);
  assert.equal(Date.parse(made.end) - Date.parse(made.start), 8 * 3600_000);
  assert.deepEqual(await barriers(page), [], 'what axe finds with the form open');
  await page.locator('[data-testid=end-silence]').click();
  await until('the silence is over', async () => (await row.getAttribute('data-status')) === 'over', 15);
  assert.equal((await server.get('silences')).items[0].ended_by, 'ana');
  assert.deepEqual(faults, [], 'faults of the page');
  await context.close();
}
