/**
 * Serves dist/ with the invented fleet of src/fixtures, under the same content security policy as the
 * real server. `--vite` serves the API alone, on the port that the development server of Vite asks.
 * `--empty` is the first minute after a start; `--port N`; GET /mock/down makes the API fail, /mock/up ends it;
 * `--token TOKEN` asks for a token.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { spawn } from 'node:child_process';
import * as world from './src/fixtures/world.mjs';

const flag = (name) => process.argv.includes(name);
const option = (name, other) => (flag(name) ? process.argv[process.argv.indexOf(name) + 1] : other);
const port = Number(option('--port', '7700'));
const dist = new URL('./dist/', import.meta.url).pathname;
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
let active = [];
let down = false;
const token = option('--token', null);

function api(path, query, now) {
  const [what, id, more] = path.split('/').map(decodeURIComponent);
  if (what === 'fleet') {
    const fleet = world.fleet(now, active);
    return flag('--empty') ? { ...fleet, items: [], sentence: 'No target yet: nothing has been received.', incidents_available: [], simulated: false } : fleet;
  }
  if (what === 'targets' && more === 'signals')
    return world.signals(id, Date.parse(query.from) / 1000, Date.parse(query.to) / 1000, Number(query.step), now);
  if (what === 'targets' && id) return world.target(id, now);
  if (what === 'targets') return { items: world.fleet(now).items, next: null };
  if (what === 'inferences' && id) return world.inferenceDetail(id);
  if (what === 'inferences') return flag('--empty') ? { items: [], next: null } : world.inferences(query, now);
  if (what === 'alerts') return flag('--empty') ? { items: [], next: null } : world.alerts(now);
  if (what === 'silences') return flag('--empty') ? { items: [], next: null } : world.silences(now);
  if (what === 'rules') return world.rules();
  if (what === 'incidents') return flag('--empty') ? { items: [], next: null } : world.incidents(query, now);
  if (what === 'ledger') return flag('--empty') ? { sources: [], judging: [], unclean_stops: [], disk: null } : world.ledger(now);
  if (what === 'demo') return { active };
  return null;
}

async function body(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const send = (status, type, content) => {
    response.writeHead(status, { 'content-type': type, 'content-security-policy': policy, 'x-content-type-options': 'nosniff' });
    response.end(content);
  };
  if (url.pathname.startsWith('/mock/')) {
    down = url.pathname === '/mock/down';
    return send(200, 'text/plain', down ? 'down' : 'up');
  }
  if (url.pathname.startsWith('/api/v1/')) {
    if (token !== null && request.headers.authorization !== `Bearer ${token}`)
      return send(401, 'application/json', JSON.stringify({ error: { code: 'B0401', message: 'this needs the token', hint: null } }));
    if (down) return request.socket.destroy();
    const now = Date.now();
    const path = url.pathname.slice('/api/v1/'.length);
    if (path === 'silences') {
      if (request.method === 'POST') return send(201, 'application/json', JSON.stringify(await body(request)));
    } else if (request.method === 'POST') {
      active.push({ ...(await body(request)), since: new Date(now).toISOString() });
      return send(204, 'text/plain', null);
    }
    if (request.method === 'DELETE') {
      active = [];
      return send(204, 'text/plain', null);
    }
    const answer = api(path, Object.fromEntries(url.searchParams), now);
    if (answer === null) return send(404, 'application/json', JSON.stringify({ error: { code: 'B0404', message: 'no such thing', hint: null } }));
    return send(200, 'application/json', JSON.stringify(answer));
  }
  const file = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
  try {
    send(200, types[extname(file)] ?? 'application/octet-stream', await readFile(join(dist, file)));
  } catch {
    send(404, 'text/plain', 'not found');
  }
});

server.listen(port, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${port}/\n`));
if (flag('--vite')) spawn('npx', ['vite'], { stdio: 'inherit' });
