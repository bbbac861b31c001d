// The commands of the README do what it says. Each is known to this test; a new one fails it until it is added here.
//
// As they are: `./target/release/bifocal serve …`, with the debug build for the binary, and free ports, a data folder and
// an upstream of this test added. Through what they start: `cargo xtask demo` becomes the demo that it ends with (its
// build is a step of its own before this one). Only looked up: `cargo build --release` (the package must exist) and
// `cargo xtask test` (which runs this). The pages, images and addresses that the README names must exist too.
import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { bifocal, ROOT, until } from './support/bifocal.mjs';

const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8');
const commands = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block.trim().split('\n'));
assert.ok(commands.length >= 4, `the README has commands: ${commands}`);

const KNOWN = {
  'cargo xtask demo': demo,
  'cargo build --release': () => exists('crates/bifocal/Cargo.toml'),
  './target/release/bifocal serve --upstream http://127.0.0.1:8000': serve,
  'cargo xtask test': () => knownToXtask('test'),
};
for (const command of commands) {
  assert.ok(KNOWN[command], `e2e/readme.mjs does not know the README's command \`${command}\``);
  await KNOWN[command]();
  console.log(`readme: ${command}`);
}
for (const [, place] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) await exists(place);

function exists(place) {
  return access(path.join(ROOT, place));
}

async function knownToXtask(name) {
  await exists('.cargo/config.toml');
  assert.match(await readFile(path.join(ROOT, 'xtask/src/main.rs'), 'utf8'), new RegExp(`"${name}"`));
}

async function demo() {
  await knownToXtask('demo');
  const server = await bifocal('demo', '--speed', '20');
  try {
    // It answers a moment before it says so.
    for (let i = 0; i < 100 && !/^ready$/m.test(server.output()); i++) await new Promise((done) => setTimeout(done, 100));
    assert.match(server.output(), /^ready$/m, 'the demo says that it is ready');
    assert.equal(await server.status('/'), 200);
    assert.equal((await server.get('targets')).items.length, 2, 'two models');
  } finally {
    assert.equal(await server.stop(), 0, 'the demo ends well');
  }
}

/** Clients of the proxy get the upstream's answer, and the page's address knows of it. */
async function serve() {
  const said = { id: '1', model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'Paris.' }, finish_reason: 'stop' }] };
  const upstream = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
  });
  await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
  const server = await bifocal('serve', '--upstream', `http://127.0.0.1:${upstream.address().port}`);
  try {
    const answer = await fetch(`${server.proxy}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'The capital of France?' }] }),
    });
    assert.deepEqual(await answer.json(), said);
    assert.equal(await server.status('/metrics'), 200);
    await until('the model is a target', async () => (await server.get('targets')).items.length === 1, 15);
  } finally {
    assert.equal(await server.stop(), 0, 'it ends well');
    upstream.close();
  }
}
