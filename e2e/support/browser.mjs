// A real Chromium, driven by playwright-core; both come from testbed/browser.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT } from './bifocal.mjs';

/** What a machine without a browser exits with: a skip for a person, a failure in CI. */
const CANNOT_RUN = 77;

let answer = null;
const found = () => (answer ??= find());

function find() {
  if (process.env.BIFOCAL_BROWSER) return JSON.parse(process.env.BIFOCAL_BROWSER);
  try {
    const text = execFileSync(path.join(ROOT, 'testbed/browser'), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
    return JSON.parse(text);
  } catch (err) {
    process.exit(err.status === CANNOT_RUN ? CANNOT_RUN : 1);
  }
}

/** A browser; close it in the end. */
export async function launch() {
  const { chromium, args, playwright_core } = found();
  return createRequire(import.meta.url)(playwright_core).chromium.launch({ executablePath: chromium, args });
}

/**
 * A tab that notes what must not happen: errors in the console, uncaught exceptions, requests to other places, requests
 * that fail. `faults` is empty when all is well.
 */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const origin = new URL(url).origin;
  const faults = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(`console: ${message.text()}`));
  page.on('pageerror', (err) => faults.push(`exception: ${err.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`request to another place: ${request.url()}`);
  });
  page.on('requestfailed', (request) => {
    // A request that the page gave up when it moved on is none that failed.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') faults.push(`request failed: ${request.url()} ${why}`);
  });
  await page.goto(url);
  return { page, context, faults };
}

/** What axe finds wrong with the page for people who use other means than eyes and a mouse, one line each. */
export async function barriers(page) {
  await page.evaluate(await readFile(found().axe, 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
}
