/** What a client of April 2021 gets (docs/protocols/galene.md §§1.4 to 1.6). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, RAW, TIME, keys, suite, tryJoin } from './client.mjs';

const it = suite({ groups: { open: PEOPLE, hist: PEOPLE, acts: { ...PEOPLE, 'allow-recording': true }, 'plain2021': { presenter: [{}] }, moved: { redirect: 'https://elsewhere.example/' } } });
const OLD = { version: null };
const enterOld = (server, group, join) => Client.enter(server, group, { ...OLD, ...join });

it('permissions are an object of the three old names that are true', async (server) => {
  const op = await enterOld(server, 'acts', { username: 'op', password: 'op' });
  assert.deepEqual(op.joined.permissions, { op: true, present: true, record: true });
  const guest = await enterOld(server, 'open', { username: 'g' });
  assert.deepEqual(guest.joined.permissions, { present: true });
  assert.deepEqual(guest.self.permissions, { present: true });
  for (const name of ['msg', 'obs', 'cap']) {
    const client = await enterOld(server, 'open', { username: name, password: name });
    assert.deepEqual(client.joined.permissions, {});
    assert.deepEqual(client.self.permissions, {});
  }
});

it('an empty name is left out', async (server) => {
  const client = await enterOld(server, 'open', { username: '' });
  assert.ok(!('username' in client.joined));
  assert.ok(!('username' in client.self));
});

it('joined has no data of a user and an rtcConfiguration', async (server) => {
  const client = await enterOld(server, 'open', { username: 'a' });
  assert.equal(typeof client.joined.rtcConfiguration, 'object');
  assert.ok(!('status' in client.joined) || typeof client.joined.status === 'object');
});

it('attributes of users are called status, and setstatus sets them', async (server) => {
  const old = await enterOld(server, 'open', { username: 'old' });
  const today = await Client.enter(server, 'open', { username: 'new', data: { raisehand: true } });
  const seen = await old.find((m) => m.type === 'user' && m.id === today.id);
  assert.deepEqual(seen.status, { raisehand: true });
  old.send({ type: 'useraction', kind: 'setstatus', source: old.id, dest: old.id, username: 'old', value: { raisehand: true } });
  const mine = await old.find((m) => m.kind === 'change');
  assert.deepEqual(mine.status, { raisehand: true });
  assert.deepEqual((await today.find((m) => m.kind === 'change')).data, { raisehand: true });
  const gone = today.close().then(() => old.find((m) => m.kind === 'delete'));
  assert.ok(!('status' in await gone));
});

it('time is an integer and chat has no id', async (server) => {
  const old = await enterOld(server, 'open', { username: 'old' });
  const today = await Client.enter(server, 'open', { username: 'new' });
  const middle = await Client.enter(server, 'open', { username: 'middle', version: ['1'] });
  today.send({ type: 'chat', value: 'x' });
  const [o, n, m] = await Promise.all([old, today, middle].map((c) => c.find((x) => x.type === 'chat')));
  assert.ok(Number.isInteger(o.time) && Math.abs(o.time - Date.now()) < 5000);
  assert.ok(!('id' in o));
  assert.deepEqual([o.source, o.username], [today.id, 'new']);
  assert.match(n.time, TIME);
  assert.ok(Number.isInteger(m.time));
  assert.ok('id' in m);
});

it('history comes as chat, with its source', async (server) => {
  const today = await Client.enter(server, 'hist', { username: 'new' });
  today.send({ type: 'chat', kind: 'me', value: 'past' });
  await today.find((m) => m.type === 'chat');
  const old = await Client.greet(server, OLD);
  old.send({ type: 'join', kind: 'join', group: 'hist', username: 'old', password: '' });
  await old.find((m) => m.type === 'user' && m.id === old.id);
  const all = old.inbox.filter((m) => m.type !== 'user');
  const past = all.find((m) => m.type === 'chat');
  assert.deepEqual([past.source, past.username, past.kind, past.value], [today.id, 'new', 'me', 'past']);
  assert.ok(Number.isInteger(past.time));
  assert.ok(!all.some((m) => m.type === 'chathistory'));
});

it('a kick comes as an error', async (server) => {
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  const old = await enterOld(server, 'open', { username: 'old' });
  op.send({ type: 'useraction', kind: 'kick', source: op.id, username: 'op', dest: old.id, value: 'out' });
  const m = await old.told('error');
  assert.deepEqual([m.value, m.privileged], ['out', true]);
  await old.ends(1000, 'kicked out (out) by op');
});

it('clearing all is told, clearing a part is not', async (server) => {
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  const old = await enterOld(server, 'open', { username: 'old' });
  await old.rest();
  op.send({ type: 'groupaction', kind: 'clearchat', value: { userId: old.id } });
  await op.told('clearchat');
  op.send({ type: 'groupaction', kind: 'clearchat' });
  const all = await old.told('clearchat');
  assert.ok(!('value' in all));
  assert.ok(!(await old.rest()).some((m) => m.kind === 'clearchat'));
});

it('errors have no identifier', async (server) => {
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  op.send({ type: 'groupaction', kind: 'maketoken', value: { group: 'open', expires: 60_000, permissions: [] } });
  const { token } = (await op.told('token')).value;
  const { joined } = await tryJoin(server, 'open', { ...OLD, token });
  assert.deepEqual([joined.kind, joined.value], ['fail', 'username required']);
  assert.ok(!('error' in joined));
});

it('slashes behind the name of a group are cut off', async (server) => {
  for (const group of ['open/', 'open//']) {
    const { joined } = await tryJoin(server, group, { ...OLD, username: 'a', password: '' });
    assert.equal(joined.kind, 'join');
    assert.equal(typeof joined.group, 'string');
  }
});

it('the group in every joined of one connection is the same', async (server) => {
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  const { joined, client } = await tryJoin(server, 'open/', { ...OLD, username: 'a', password: '' });
  op.send({ type: 'groupaction', kind: 'lock' }, { type: 'groupaction', kind: 'unlock' });
  const change = await client.find((m) => m.type === 'joined');
  assert.deepEqual([change.kind, change.group], ['change', joined.group]);
  assert.deepEqual(change.permissions, { present: true });
  client.send({ type: 'join', kind: 'leave', group: joined.group });
  assert.equal((await client.find((m) => m.type === 'joined' && m.kind === 'leave')).group, joined.group);
});

it('handshake and join without a pause, as that client does', async (server) => {
  const client = await Client.open(server);
  client.send({ type: 'handshake', id: 'old-client' }, { type: 'join', kind: 'join', group: 'plain2021', username: 'o', password: '' }, { type: 'request', request: { audio: true, video: true, screenshare: true } });
  await client.find((m) => m.type === 'user' && m.id === 'old-client');
  await client.settle();
});

it('every form of request is taken', async (server) => {
  const client = await enterOld(server, 'open', { username: 'r' });
  for (const request of [{}, { audio: true }, { audio: true, screenshare: true }, { audio: true, screenshare: true, video: true }, { audio: 1, video: 0 }, { video: 700000 }, { '': ['audio'] }]) {
    client.send({ type: 'request', request });
  }
  await client.quiet();
});

it('a change of permissions is an object too', async (server) => {
  const op = await Client.enter(server, 'acts', { username: 'op', password: 'op' });
  const old = await enterOld(server, 'acts', { username: 'old' });
  op.send({ type: 'useraction', kind: 'op', dest: old.id });
  assert.deepEqual((await old.find((m) => m.type === 'joined')).permissions, { op: true, present: true, record: true });
  assert.deepEqual((await old.find((m) => m.kind === 'change')).permissions, { op: true, present: true, record: true });
});

it('an old operator can do what it could', async (server) => {
  const op = await enterOld(server, 'acts', { username: 'op', password: 'op' });
  const old = await enterOld(server, 'acts', { username: 'old' });
  op.send({ type: 'groupaction', kind: 'lock', source: op.id, username: 'op', value: 'shut' });
  assert.equal((await old.find((m) => m.type === 'joined')).kind, 'change');
  op.send({ type: 'groupaction', kind: 'unlock', source: op.id, username: 'op' });
  op.send({ type: 'useraction', kind: 'unpresent', source: op.id, username: 'op', dest: old.id });
  assert.deepEqual((await old.find((m) => m.type === 'joined' && !m.permissions.present)).permissions, {});
  op.send({ type: 'useraction', kind: 'kick', source: op.id, username: 'op', dest: old.id, value: '' });
  await old.ends(1000);
});

it('a redirect is told with kind redirect', async (server) => {
  const { joined } = await tryJoin(server, 'moved', { ...OLD, username: 'a' });
  assert.deepEqual([joined.kind, joined.value], ['redirect', 'https://elsewhere.example/']);
});

it('a chat line of an old client arrives complete at a new one', async (server) => {
  const old = await enterOld(server, 'open', { username: 'old' });
  const today = await Client.enter(server, 'open', { username: 'new' });
  old.send({ type: 'chat', kind: '', source: old.id, dest: '', username: 'old', value: 'hi', noecho: false });
  const m = await today.find((x) => x.type === 'chat');
  assert.deepEqual(keys(m), ['id', 'source', 'time', 'type', 'username', 'value'], m[RAW]);
});
