// Starts the binary as a user does and talks to it over HTTP.
//
// BIFOCAL_BIN names the binary (the debug build by default). Where BIFOCAL_URL names a server that already runs, that one
// is used and left running.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where screenshots and logs of a run are put. */
export const OUT = path.join(ROOT, 'target/e2e');

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `test` gives something true, and gives that; `what` stands in the error. */
export async function until(what, test, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await test();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(100);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Runs `bifocal ARGS` on free ports with a data folder of its own, and waits until it is ready. */
export async function bifocal(...args) {
  if (process.env.BIFOCAL_URL) return attach(process.env.BIFOCAL_URL.replace(/\/$/, ''));
  const binary = process.env.BIFOCAL_BIN || path.join(ROOT, 'target/debug/bifocal');
  const data = await mkdtemp(path.join(tmpdir(), 'bifocal-e2e-'));
  const [page, proxy] = [await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const child = spawn(binary, [...args, '--listen', page, '--proxy-listen', proxy, '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => output.push(String(text)));
  const ended = new Promise((done) => child.on('close', (code, signal) => done(code ?? signal)));
  let over = null;
  ended.then((code) => (over = code));
  const server = { ...attach(`http://${page}`), proxy: `http://${proxy}`, output: () => output.join('') };
  server.stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const code = await ended;
    clearTimeout(late);
    running.delete(child);
    await rm(data, { recursive: true, force: true });
    return code;
  };
  try {
    await until('ready', async () => {
      if (over !== null) throw new Error(`bifocal ended with ${over} before it was ready`);
      return server.status('/readyz').then((status) => status === 200, () => false);
    });
  } catch (err) {
    await server.stop();
    throw new Error(`${err.message}\n${server.output()}`);
  }
  return server;
}

function attach(url) {
  const call = (place) => fetch(url + place, { signal: AbortSignal.timeout(10_000) });
  return {
    url,
    output: () => '',
    stop: async () => 0,
    status: async (place) => (await call(place)).status,
    get: async (place) => {
      const answer = await call(`/api/v1/${place}`);
      if (!answer.ok) throw new Error(`GET ${place}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
  };
}
