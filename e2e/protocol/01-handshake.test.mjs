/** Handshake, signs of life and their timers (docs/protocols/galene.md §§1.1, 2.4, 3.2). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, failsToJoin, keys, newId, sleep, suite } from './client.mjs';

const it = suite({ groups: { open: PEOPLE } });
const quick = suite({
  groups: { open: PEOPLE },
  env: { PARLOUR_GALENE_FIRST_MESSAGE: '400ms', PARLOUR_GALENE_PING_AFTER: '300ms', PARLOUR_GALENE_DEAD_AFTER: '900ms' },
});

for (const version of [['2'], ['2', '1'], ['9', '2']]) {
  it(`a client that lists ${JSON.stringify(version)} gets ["2"] and no warning`, async (server) => {
    const client = await Client.open(server);
    client.send({ type: 'handshake', id: newId(), version });
    const reply = await client.next();
    assert.equal(reply.type, 'handshake');
    assert.deepEqual(keys(reply), ['type', 'version']);
    assert.deepEqual(reply.version, ['2']);
    await client.quiet();
  });
}


for (const version of [['1'], ['9'], ['']]) {
  it(`a client that lists ${JSON.stringify(version)} is warned and served`, async (server) => {
    const client = await Client.open(server);
    client.send({ type: 'handshake', id: newId(), version });
    assert.deepEqual((await client.next()).version, ['2']);
    const warning = await client.next();
    assert.equal(warning.type, 'usermessage');
    assert.equal(warning.kind, 'warning');
    assert.equal(warning.privileged, true);
    assert.equal(typeof warning.value, 'string');
    client.send({ type: 'join', kind: 'join', group: 'open', username: 'a', password: '' });
    assert.equal((await client.next()).kind, 'join');
  });
}

it('a client without a version gets ["2"] as its first frame', async (server) => {
  const client = await Client.open(server);
  client.send({ type: 'handshake', id: newId() });
  const reply = await client.next();
  assert.deepEqual(keys(reply), ['type', 'version']);
  assert.deepEqual(reply.version, ['2']);
});

it('the server says nothing before the handshake', async (server) => {
  const client = await Client.open(server);
  await sleep(300);
  assert.deepEqual(client.inbox, []);
});

for (const first of [{ type: 'ping' }, { type: 'join', kind: 'join', group: 'open', username: 'a' }, { type: 'nonsense' }, {}]) {
  it(`the first message ${JSON.stringify(first)} is refused with 1002 and no words before`, async (server) => {
    const client = await Client.open(server);
    client.send(first);
    await client.ends(1002, 'you must handshake first');
    assert.deepEqual(client.inbox, []);
  });
}

it('a second handshake breaks the protocol', async (server) => {
  const client = await Client.greet(server);
  client.send({ type: 'handshake', id: client.id, version: ['2'] });
  await client.endsSaying(1002, 'unexpected message');
});

for (const id of ['', undefined]) {
  it(`a client with ${id === '' ? 'an empty' : 'no'} id cannot join`, async (server) => {
    const client = await Client.open(server);
    client.send({ type: 'handshake', id, version: ['2'] });
    assert.equal((await client.next()).type, 'handshake');
    client.send({ type: 'join', kind: 'join', group: 'open', username: 'a', password: '' });
    const joined = await client.next();
    assert.equal(joined.kind, 'fail');
    assert.equal(joined.value, 'internal server error');
  });
}

it('an id may be used in two groups but not twice in one', async (server) => {
  const first = await Client.enter(server, 'open', { username: 'a' });
  await failsToJoin(server, 'open', { id: first.id, username: 'b' }, 'internal server error');
  const again = await Client.enter(server, 'lobby', { id: first.id, username: 'a' });
  await again.close();
  first.send({ type: 'chat', kind: '', dest: '', value: 'still here' });
  assert.equal((await first.find((m) => m.type === 'chat')).value, 'still here');
});

it('an id of any shape is taken as it is', async (server) => {
  const id = ' é "weird" \u0000 id/..';
  const client = await Client.enter(server, 'open', { id, username: 'w' });
  assert.equal(client.self.id, id);
});

it('handshake, join, request, chat and ping may be sent without waiting', async (server) => {
  const client = await Client.open(server);
  const id = newId();
  client.send(
    { type: 'handshake', id, version: ['2'] },
    { type: 'join', kind: 'join', group: 'open', username: 'pipe', password: '' },
    { type: 'request', request: { '': ['audio', 'video'] } },
    { type: 'chat', kind: '', dest: '', source: id, username: 'pipe', value: 'hi' },
    { type: 'ping' },
  );
  assert.equal((await client.next()).type, 'handshake');
  const joined = await client.next();
  assert.deepEqual([joined.type, joined.kind], ['joined', 'join']);
  assert.equal((await client.find((m) => m.type === 'chat')).value, 'hi');
  await client.find((m) => m.type === 'pong');
});

it('a ping is answered with a bare pong', async (server) => {
  const client = await Client.greet(server);
  client.send({ type: 'ping' });
  const pong = await client.next();
  assert.deepEqual(keys(pong), ['type']);
  assert.equal(pong.type, 'pong');
});

it('no subprotocol and no compression are negotiated', async (server) => {
  const client = await Client.open(server, { perMessageDeflate: true });
  assert.equal(client.socket.extensions, '');
  assert.equal(client.socket.protocol, '');
});

quick('a silent connection is closed when its first message is late', async (server) => {
  const from = Date.now();
  const client = await Client.open(server);
  await client.ends(1011, '');
  assert.ok(Date.now() - from >= 350, 'too early');
});

quick('a silent client is pinged, and lives when it answers', async (server) => {
  const client = await Client.greet(server);
  for (let beat = 0; beat < 4; beat += 1) {
    const ping = await client.next();
    assert.deepEqual(keys(ping), ['type']);
    assert.equal(ping.type, 'ping');
    client.send({ type: 'pong' });
  }
  assert.equal(client.ended, undefined);
});

quick('a client that never answers is declared dead, and the others see it leave', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'watcher' });
  const alive = setInterval(() => watcher.send({ type: 'pong' }), 100);
  const client = await Client.greet(server);
  client.send({ type: 'join', kind: 'join', group: 'open', username: 'dead', password: '' });
  await client.find((m) => m.type === 'joined');
  const from = Date.now();
  await client.ends(1011, '');
  assert.ok(Date.now() - from >= 800, 'too early');
  const gone = await watcher.find((m) => m.type === 'user' && m.kind === 'delete');
  assert.equal(gone.id, client.id);
  clearInterval(alive);
});

quick('any message is a sign of life', async (server) => {
  const client = await Client.greet(server);
  for (let beat = 0; beat < 8; beat += 1) {
    await sleep(200);
    client.send({ type: 'ping' });
  }
  await sleep(100);
  assert.equal(client.ended, undefined);
});
