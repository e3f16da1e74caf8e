/** What is too much, and who notices (docs/protocols/galene.md §§2.4, 3.1; docs/reference/limits.md). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, keys, newId, sleep, suite, tryJoin } from './client.mjs';

const it = suite({ groups: { open: PEOPLE, slow: PEOPLE } });
const strict = suite({ groups: { open: PEOPLE }, env: { PARLOUR_GALENE_MESSAGE_BURST: '50', PARLOUR_GALENE_MESSAGES_PER_SECOND: '10' } });

it('an empty token is none', async (server) => {
  const { joined } = await tryJoin(server, 'open', { username: 'op', password: 'op', token: '' });
  assert.deepEqual([joined.kind, joined.username], ['join', 'op']);
});

it('a name or id that is far too long is refused, and the socket stays usable', async (server) => {
  const { joined, client } = await tryJoin(server, 'open', { username: 'x'.repeat(5000) });
  assert.equal(joined.kind, 'fail');
  client.send({ type: 'join', kind: 'join', group: 'open', username: 'short' });
  assert.equal((await client.find((m) => m.type === 'joined')).kind, 'join');
  assert.equal((await tryJoin(server, 'open', { id: 'y'.repeat(5000), username: 'a' })).joined.kind, 'fail');
  assert.equal((await tryJoin(server, 'z'.repeat(5000), { username: 'a' })).joined.kind, 'fail');
});

it('attributes that are too large are refused, when joining and later', async (server) => {
  const data = { x: 'y'.repeat(40_000) };
  assert.equal((await tryJoin(server, 'open', { username: 'a', data })).joined.kind, 'fail');
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.send({ type: 'useraction', kind: 'setdata', dest: client.id, value: data });
  await client.told('error');
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  op.send({ type: 'groupaction', kind: 'setdata', value: data });
  await op.told('error');
  await client.settle();
});

it('kinds, chat ids and stream ids that are too long harm nobody', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const client = await Client.enter(server, 'open', { username: 'a' });
  const long = 'k'.repeat(100_000);
  for (const message of [
    { type: 'chat', kind: long, value: 'x' }, { type: 'chat', id: long, value: 'x' }, { type: 'usermessage', kind: long, value: 'x' },
    { type: 'offer', id: long, label: 'camera', sdp: '' }, { type: 'close', id: long }, { type: 'answer', id: long, sdp: '' },
    { type: 'requestStream', id: long, request: [] }, { type: 'request', request: { [long]: ['audio'] } }, { type: 'chat', dest: long, value: 'x' },
  ]) client.send(message);
  await client.settle();
  await watcher.settle();
});

it('a thousand labels in a request are too many', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.send({ type: 'request', request: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`l${n}`, ['audio']])) });
  await client.told('error');
  await client.settle();
});

it('a kick whose value is no text is a kick without words', async (server) => {
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  for (const value of [5, { a: 1 }, ['x'], null]) {
    const client = await Client.enter(server, 'open', { username: 'a' });
    op.send({ type: 'useraction', kind: 'kick', dest: client.id, value });
    assert.equal((await client.told('kicked')).value, 'you have been kicked out');
    await client.ends(1000, 'kicked out by op');
  }
});

strict('who goes on too fast is closed with words, and the others do not notice', async (server) => {
  const neighbour = await Client.enter(server, 'open', { username: 'n' });
  const client = await Client.enter(server, 'open', { username: 'a' });
  for (let n = 0; n < 200; n += 1) client.send({ type: 'ping' });
  await client.endsSaying(1000, 'too many messages');
  assert.equal((await neighbour.find((m) => m.kind === 'delete')).id, client.id);
  await neighbour.settle();
});

it('who does not read is dropped, and the others go on', async (server) => {
  const lazy = await Client.enter(server, 'slow', { username: 'lazy' });
  const talker = await Client.enter(server, 'slow', { username: 'talker' });
  const reader = await Client.enter(server, 'slow', { username: 'reader' });
  lazy.socket.pause();
  const value = 'x'.repeat(100_000);
  let gone = false;
  reader.find((m) => m.kind === 'delete' && m.id === lazy.id).then(() => { gone = true; }, () => {});
  for (let n = 0; n < 300 && !gone; n += 1) {
    talker.send({ type: 'chat', noecho: true, value });
    await reader.find((m) => m.type === 'chat');
    await sleep(5);
  }
  assert.ok(gone, 'the lazy one is gone');
  await talker.settle();
});

it('two people may have one name', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'same', id: newId() });
  const b = await Client.enter(server, 'open', { username: 'same', id: newId() });
  a.send({ type: 'chat', dest: b.id, value: 'x' });
  const got = await b.find((m) => m.type === 'chat');
  assert.equal(got.source, a.id);
  assert.deepEqual(keys(got), ['dest', 'source', 'time', 'type', 'username', 'value']);
});
