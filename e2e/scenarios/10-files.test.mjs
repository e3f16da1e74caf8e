import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Server, usesStub } from '../lib/server.mjs';

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** Asks like a browser that follows a link. @param {string} path */
function open(path) {
  return fetch(server.origin + path, { headers: { accept: 'text/html,application/xhtml+xml' }, redirect: 'manual' });
}

test('pages and their parts come with the right types and a strict policy', async () => {
  const expected = [
    ['/', 'text/html'], ['/group/lobby/', 'text/html'], ['/app.css', 'text/css'], ['/themes/colours.css', 'text/css'],
    ['/favicon.svg', 'image/svg+xml'], ['/icons.svg', 'image/svg+xml'], ['/src/main.js', 'text/javascript'],
    ['/src/landing.js', 'text/javascript'], ['/src/wire/codec.js', 'text/javascript'],
  ];
  for (const [path, type] of expected) {
    const reply = await open(path);
    assert.equal(reply.status, 200, path);
    assert.ok(reply.headers.get('content-type')?.startsWith(type), `${path}: ${reply.headers.get('content-type')}`);
    assert.equal(reply.headers.get('x-content-type-options'), 'nosniff', path);
    const policy = reply.headers.get('content-security-policy') ?? '';
    if (type === 'text/html') {
      assert.match(policy, /script-src 'self'/, path);
      assert.doesNotMatch(policy, /unsafe/, path);
    }
    await reply.arrayBuffer();
  }
});

test('every module a page imports is there', async () => {
  const seen = new Set(['/src/main.js', '/src/landing.js']);
  for (const path of seen) {
    const reply = await fetch(server.origin + path);
    assert.equal(reply.status, 200, path);
    for (const [, target] of (await reply.text()).matchAll(/^import .*? from '(\.[^']+)';$/gm)) seen.add(new URL(target, `http://x${path}`).pathname);
  }
  assert.ok(seen.size > 20, `${seen.size} modules`);
});

test('what is not for visitors is not served, and what does not exist is a friendly 404', { skip: usesStub && 'the stub serves the whole folder' }, async () => {
  for (const path of ['/package.json', '/package-lock.json', '/tsconfig.json', '/.npmrc', '/test/codec.test.js', '/node_modules/typescript/package.json', '/README.md', '/src/../package.json', '/nothing-here']) {
    const reply = await open(path);
    assert.equal(reply.status, 404, path);
    assert.match(await reply.text(), /Nobody lives here/, path);
  }
  const moved = await open('/group/lobby');
  assert.equal(moved.status, 308);
});
