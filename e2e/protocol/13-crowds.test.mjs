/** Haste, crowds and the end (docs/protocols/galene.md §§2.2, 2.4, 3.3). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, newId, suite, tryJoin } from './client.mjs';

const groups = { open: PEOPLE, flood: PEOPLE, race: PEOPLE };
const it = suite({ groups });
const stopping = suite({ groups });

it('two clients with one id at the same moment: one gets in', async (server) => {
  for (let round = 0; round < 20; round += 1) {
    const id = newId();
    const all = await Promise.all([1, 2, 3].map(() => tryJoin(server, 'race', { id, username: 'twin' })));
    assert.deepEqual(all.map(({ joined }) => joined.kind).sort(), ['fail', 'fail', 'join']);
    for (const { joined } of all) if (joined.kind === 'fail') assert.equal(joined.value, 'internal server error');
    await Promise.all(all.map(({ client }) => client.close()));
  }
});

it('two clients that join and leave five hundred times leave a clean room', async (server) => {
  const watcher = await Client.enter(server, 'flood', { username: 'w' });
  const run = async (username) => {
    const client = await Client.greet(server);
    for (let round = 0; round < 500; round += 1) {
      client.send({ type: 'join', kind: 'join', group: 'flood', username, password: '' }, { type: 'join', kind: 'leave', group: 'flood' });
      assert.equal((await client.find((m) => m.type === 'joined')).kind, 'join');
      assert.equal((await client.find((m) => m.type === 'joined')).kind, 'leave');
      client.inbox.length = 0;
    }
    return client;
  };
  const both = await Promise.all([run('a'), run('b')]);
  await watcher.settle();
  const inside = new Set();
  let adds = 0;
  for (const m of await watcher.rest()) {
    if (m.type !== 'user') continue;
    if (m.kind === 'add') {
      assert.ok(!inside.has(m.id), 'added twice');
      inside.add(m.id);
      adds += 1;
    }
    if (m.kind === 'delete') assert.ok(inside.delete(m.id), 'deleted without being there');
  }
  assert.equal(adds, 1000);
  assert.equal(inside.size, 0);
  for (const client of both) {
    client.send({ type: 'join', kind: 'join', group: 'flood', username: 'x', password: '' });
    assert.equal((await client.find((m) => m.type === 'joined')).kind, 'join');
  }
});

it('leaving at once, without reading, is orderly too', async (server) => {
  const client = await Client.greet(server);
  for (let round = 0; round < 50; round += 1) client.send({ type: 'join', kind: 'join', group: 'open', username: 'q', password: '' }, { type: 'join', kind: 'leave', group: 'open' });
  const kinds = [];
  for (let n = 0; n < 100; n += 1) kinds.push((await client.find((m) => m.type === 'joined')).kind);
  assert.deepEqual(kinds, Array.from({ length: 100 }, (_, n) => (n % 2 ? 'leave' : 'join')));
});

it('sixty people see each other exactly once', async (server) => {
  const people = await Promise.all(Array.from({ length: 60 }, (_, n) => tryJoin(server, 'race', { username: `p${n}` })));
  for (const { client } of people) await client.settle();
  for (const { client } of people) {
    const seen = client.inbox.filter((m) => m.type === 'user' && m.kind === 'add').map((m) => m.id);
    assert.equal(seen.length, 60);
    assert.equal(new Set(seen).size, 60);
  }
});

stopping('a server that stops tells everybody', async (server) => {
  const today = await Client.enter(server, 'open', { username: 'new' });
  const old = await Client.enter(server, 'open', { username: 'old', version: null });
  const outside = await Client.greet(server);
  const stopped = server.stop();
  const kicked = await today.told('kicked');
  assert.deepEqual([kicked.value, kicked.privileged], ['server is shutting down', true]);
  assert.equal((await old.told('error')).value, 'server is shutting down');
  await today.ends(1000, 'kicked out (server is shutting down)');
  await old.ends(1000, 'kicked out (server is shutting down)');
  await outside.closed;
  assert.ok([1000, 1001].includes(outside.ended.code), `${outside.ended.code}`);
  await stopped;
});
