/** Paths, status objects and headers (docs/protocols/galene.md §§2.1 to 2.4). */

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { Client, PEOPLE, ask, keys, suite } from './client.mjs';

const groups = {
  open: PEOPLE,
  plain: PEOPLE,
  shown: { ...PEOPLE, public: true, displayName: 'Shown', description: 'Look here' },
  also: { ...PEOPLE, public: true },
  shut: { ...PEOPLE, public: true, autolock: true },
  moved: { public: true, redirect: 'https://elsewhere.example/group/new/', displayName: 'Moved', description: 'Gone', 'max-clients': 3, authServer: 'https://a.example/' },
  auth: { ...PEOPLE, authServer: 'https://auth.example/path', authPortal: 'https://portal.example/' },
  parent: { ...PEOPLE, 'auto-subgroups': true },
};
const it = suite({ groups });
const canonical = suite({ groups, env: { PARLOUR_HTTP_CANONICAL_HOST: 'meet.example.org' } });
const proxied = suite({ groups, env: { PARLOUR_HTTP_PUBLIC_URL: 'https://meet.example.org/prefix/' } });
const origins = suite({ groups, env: { PARLOUR_HTTP_ALLOW_ORIGIN: '["https://app.example.org"]' } });

it('the list of public groups is sorted and holds public ones only', async (server) => {
  const { status, headers, body } = await ask(server, '/public-groups.json');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  assert.equal(headers['cache-control'], 'no-cache');
  assert.ok(!('access-control-allow-origin' in headers));
  const list = JSON.parse(body);
  const names = list.map((g) => g.name).filter((name) => name !== 'lobby');
  assert.deepEqual(names, ['also', 'moved', 'shown', 'shut']);
  const shown = list.find((g) => g.name === 'shown');
  assert.deepEqual(keys(shown), ['clientCount', 'description', 'displayName', 'endpoint', 'location', 'name']);
  assert.equal(shown.clientCount, 0);
  const moved = list.find((g) => g.name === 'moved');
  assert.equal(moved.redirect, 'https://elsewhere.example/group/new/');
});

it('the status of a public group tells count and lock', async (server) => {
  const client = await Client.enter(server, 'shown', { username: 'op', password: 'op' });
  client.send({ type: 'groupaction', kind: 'lock' });
  await client.find((m) => m.type === 'joined');
  const { status, headers, body } = await ask(server, '/group/shown/.status', { headers: { Host: `meet.test:${server.port}` } });
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  assert.equal(headers['cache-control'], 'no-cache');
  assert.ok(!('access-control-allow-origin' in headers));
  assert.deepEqual(JSON.parse(body), {
    name: 'shown', displayName: 'Shown', description: 'Look here', locked: true, clientCount: 1,
    location: `http://meet.test:${server.port}/group/shown/`, endpoint: `ws://meet.test:${server.port}/ws`,
  });
});

it('the status of another group tells neither', async (server) => {
  const client = await Client.enter(server, 'plain', { username: 'op', password: 'op' });
  client.send({ type: 'groupaction', kind: 'lock' });
  await client.find((m) => m.type === 'joined');
  assert.deepEqual(keys(JSON.parse((await ask(server, '/group/plain/.status')).body)), ['endpoint', 'location', 'name']);
  assert.deepEqual(keys(JSON.parse((await ask(server, '/group/auth/.status')).body)), ['authPortal', 'authServer', 'endpoint', 'location', 'name']);
});

it('autolock counts as soon as somebody looks', async (server) => {
  assert.equal(JSON.parse((await ask(server, '/group/shut/.status')).body).locked, true);
});

it('the status of a group that moved names where to, and little else', async (server) => {
  const status = JSON.parse((await ask(server, '/group/moved/.status')).body);
  const { location, endpoint, ...rest } = status;
  assert.deepEqual(rest, { name: 'moved', redirect: 'https://elsewhere.example/group/new/', displayName: 'Moved', description: 'Gone' });
});

it('HEAD answers like GET, without a body', async (server) => {
  for (const path of ['/group/shown/.status', '/public-groups.json', '/group/shown/', '/']) {
    const [get, head] = [await ask(server, path, { headers: { accept: 'text/html' } }), await ask(server, path, { method: 'HEAD', headers: { accept: 'text/html' } })];
    assert.equal(head.status, 200, path);
    assert.equal(head.body, '');
    assert.equal(head.headers['content-type'], get.headers['content-type']);
  }
  assert.equal((await ask(server, '/group/nowhere/.status', { method: 'HEAD' })).status, 404);
});

it('.status.json is moved for good, whatever the method', async (server) => {
  for (const method of ['GET', 'HEAD', 'POST']) {
    const { status, headers } = await ask(server, '/group/shown/.status.json', { method });
    assert.equal(status, 308);
    assert.match(headers.location, /(^|\/)\.status$/);
  }
});

it('other methods are told which there are', async (server) => {
  for (const path of ['/group/shown/.status', '/public-groups.json']) {
    const { status, headers } = await ask(server, path, { method: 'POST' });
    assert.equal(status, 405, path);
    assert.match(headers.allow, /GET/);
  }
});

for (const [path, location] of [
  ['/group/shown', '/group/shown/'], ['/group/parent/sub', '/group/parent/sub/'], ['/group/shown?token=x', '/group/shown/?token=x'],
  ['/group//shown/', '/group/shown/'], ['/group/./shown/', '/group/shown/'], ['/group/x/../shown/', '/group/shown/'], ['/group/shown//.status', '/group/shown/.status'],
]) {
  it(`${path} is redirected to ${location}`, async (server) => {
    const { status, headers } = await ask(server, path, { headers: { accept: 'text/html' } });
    assert.equal(status, 308);
    assert.equal(headers.location, location);
  });
}

it('a group with a redirect sends its page there', async (server) => {
  const { status, headers } = await ask(server, '/group/moved/');
  assert.equal(status, 308);
  assert.equal(headers.location, 'https://elsewhere.example/group/new/');
});

for (const path of ['/group/nowhere/', '/group/nowhere/.status', '/group/shown/.unheard', '/group/.hidden/', '/group/open/sub/', '/missing.html', '/group/']) {
  it(`${path} is not there`, async (server) => {
    const { status, headers } = await ask(server, path, { headers: { accept: 'text/html' } });
    assert.equal(status, 404);
    if (!path.includes('.status')) assert.match(headers['content-type'], /^text\/html/);
  });
}

it('the page of a group is there, of a subgroup too, with percent signs as well', async (server) => {
  await mkdir(`${server.dir}/groups/deep`, { recursive: true });
  await writeFile(`${server.dir}/groups/deep/in ünï.json`, JSON.stringify(PEOPLE));
  for (const path of ['/group/shown/', '/group/parent/sub/', `/group/deep/${encodeURIComponent('in ünï')}/`]) {
    const { status, headers } = await ask(server, path);
    assert.equal(status, 200, path);
    assert.match(headers['content-type'], /^text\/html/);
  }
  const status = JSON.parse((await ask(server, `/group/deep/${encodeURIComponent('in ünï')}/.status`)).body);
  assert.equal(status.name, 'deep/in ünï');
  assert.equal(new URL(status.location).pathname, '/group/deep/in%20%C3%BCn%C3%AF/');
  await Client.enter(server, 'deep/in ünï', { username: 'a' });
});

it('pages are guarded by their headers', async (server) => {
  for (const path of ['/', '/group/shown/', '/group/auth/']) {
    const { headers } = await ask(server, path, { headers: { accept: 'text/html' } });
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['referrer-policy'], 'no-referrer', path);
    assert.match(headers['content-security-policy'], /default-src 'self'|default-src 'none'/, path);
  }
  const { headers } = await ask(server, '/group/auth/');
  assert.match(headers['content-security-policy'], /connect-src[^;]*https:\/\/auth\.example/);
});

it('static files can be asked for again at no cost, and in part', async (server) => {
  const first = await ask(server, '/', { headers: { accept: 'text/html' } });
  assert.match(first.headers.etag, /^"[^"]+"$/);
  const again = await ask(server, '/', { headers: { accept: 'text/html', 'if-none-match': first.headers.etag } });
  assert.equal(again.status, 304);
  const part = await ask(server, '/', { headers: { accept: 'text/html', range: 'bytes=0-9' } });
  assert.equal(part.status, 206);
  assert.equal(part.body, first.body.slice(0, 10));
});

for (const path of ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/group/..%2f..%2fopen/', '/%00', '/group/shown%00/', '/group/a%5cb/', '/%ff%fe', '/%']) {
  it(`${path} harms nobody`, async (server) => {
    const { status, body } = await ask(server, path, { headers: { accept: 'text/html' } });
    assert.ok([301, 308, 400, 403, 404].includes(status), `${status}`);
    assert.ok(!body.includes('root:'));
  });
}

canonical('another host than the canonical one is sent there, with path and query', async (server) => {
  for (const path of ['/', '/group/shown/', '/group/shown/?token=abc']) {
    const { status, headers } = await ask(server, path, { headers: { Host: 'other.example.org', accept: 'text/html' } });
    assert.equal(status, 301, path);
    assert.equal(headers.location, `https://meet.example.org${path}`);
  }
  assert.equal((await ask(server, '/group/shown/', { headers: { Host: 'MEET.example.org' } })).status, 200);
});

proxied('a public URL stands in for scheme, host and path', async (server) => {
  const status = JSON.parse((await ask(server, '/group/shown/.status')).body);
  assert.equal(status.location, 'https://meet.example.org/prefix/group/shown/');
  assert.equal(status.endpoint, 'wss://meet.example.org/prefix/ws');
});

const opens = async (server, headers) => {
  try {
    (await Client.open(server, { headers })).socket.terminate();
    return 101;
  } catch (error) {
    return Number(error.message.replace('status ', ''));
  }
};
origins('pages of the same host, of a listed one and programs may open a WebSocket, others not', async (server) => {
  const host = `127.0.0.1:${server.port}`;
  for (const [origin, status] of [
    [undefined, 101], [`http://${host}`, 101], [`https://${host}`, 101], ['https://app.example.org', 101], ['HTTPS://App.Example.Org', 101],
    ['https://evil.example.org', 403], ['https://app.example.org.evil.example', 403], ['http://127.0.0.1', 403], [`http://127.0.0.1:${server.port + 1}`, 403],
    ['null', 403], ['nonsense', 403], ['https://app.example.org:444', 403],
  ]) {
    assert.equal(await opens(server, origin === undefined ? {} : { Origin: origin }), status, origin);
  }
});

it('/ws without an upgrade is no page', async (server) => {
  const { status } = await ask(server, '/ws');
  assert.ok(status >= 400 && status < 500, `${status}`);
});
