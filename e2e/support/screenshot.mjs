// The picture of the README: the fleet while the answers of one component get worse and its service stays fine.
//
// Every run takes it into target/e2e/ and checks that it is a picture of the published one's size with something on it;
// BIFOCAL_SCREENSHOT=1 publishes it as docs/screenshot.png. Numbers on it differ from run to run.
import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { OUT, ROOT } from './bifocal.mjs';
import { open } from './browser.mjs';

const SIZE = { width: 1280, height: 720 };
const BYTES_MAX = 400_000;
/** Text, lines and marks in two themes' worth of antialiased shades; a blank page has one or two. */
const COLOURS_MIN = 100;

export async function takeScreenshot(browser, url) {
  const { page, context, faults } = await open(browser, `${url}/#/fleet`, { viewport: SIZE, colorScheme: 'light' });
  try {
    await page.locator('[data-testid=plane-mark]').first().waitFor();
    await page.locator('[data-testid=target-row][data-state=silent_degradation]').waitFor();
    await page.evaluate(() => document.fonts.ready);
    const cut = await page.locator('table').evaluateAll((found) => found.map(({ parentElement: p }) => p.scrollWidth - p.clientWidth));
    assert.deepEqual(cut.filter((pixels) => pixels > 0), [], 'the table of the fleet fits');
    const file = path.join(OUT, 'screenshot.png');
    const bytes = await page.screenshot({ path: file });
    assert.deepEqual(size(bytes), SIZE);
    assert.ok(bytes.length < BYTES_MAX, `${bytes.length} bytes are too many for a README`);
    const colours = await coloursOf(browser, bytes);
    assert.ok(colours >= COLOURS_MIN, `the picture has ${colours} colours`);
    assert.deepEqual(faults, [], 'faults of the page');
    const published = path.join(ROOT, 'docs/screenshot.png');
    if (process.env.BIFOCAL_SCREENSHOT) await copyFile(file, published);
    assert.deepEqual(size(await readFile(published)), SIZE, 'docs/screenshot.png: make it anew with BIFOCAL_SCREENSHOT=1');
  } finally {
    await context.close();
  }
}

/** Width and height stand in the first chunk of a PNG. */
function size(png) {
  assert.equal(png.toString('latin1', 1, 4), 'PNG');
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}

/** How many colours a picture has; the browser decodes it. */
async function coloursOf(browser, png) {
  const page = await browser.newPage();
  try {
    return await page.evaluate(async (url) => {
      const image = await createImageBitmap(await (await fetch(url)).blob());
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }, `data:image/png;base64,${png.toString('base64')}`);
  } finally {
    await page.close();
  }
}
