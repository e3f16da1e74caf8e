/** The order of a join, and what is said about people (docs/protocols/galene.md §§3.4, 3.5). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, RAW, TIME, keys, newId, suite } from './client.mjs';

const it = suite({ groups: { open: PEOPLE, busy: PEOPLE, acts: PEOPLE, extra: { ...PEOPLE, 'allow-recording': true, 'unrestricted-tokens': true } } });

it('joined, history, oneself, the others: in this order and nothing else', async (server) => {
  const a = await Client.enter(server, 'busy', { username: 'a' });
  const b = await Client.enter(server, 'busy', { username: 'b' });
  for (const value of ['one', 'two', 'three']) a.send({ type: 'chat', kind: '', dest: '', value });
  await b.find((m) => m.value === 'three');
  const id = newId();
  const c = await Client.open(server);
  c.send({ type: 'handshake', id, version: ['2'] }, { type: 'join', kind: 'join', group: 'busy', username: 'c', password: '' });
  await c.find((m) => m.type === 'user' && m.id === a.id).then((m) => c.inbox.push(m));
  await c.find((m) => m.type === 'user' && m.id === b.id).then((m) => c.inbox.push(m));
  const all = await c.rest();
  const got = all.map((m) => [m.type, m.kind, m.value ?? m.id].join(' '));
  assert.deepEqual(got.slice(0, 6), ['handshake  ', 'joined join ', 'chathistory  one', 'chathistory  two', 'chathistory  three', `user add ${id}`]);
  assert.deepEqual(got.slice(6).sort(), [`user add ${a.id}`, `user add ${b.id}`].sort());
  assert.equal(all[1].status.clientCount, 3);
  for (const m of all.slice(2, 5)) {
    assert.deepEqual(keys(m), ['id', 'source', 'time', 'type', 'username', 'value']);
    assert.equal(m.source, a.id);
    assert.match(m.time, TIME);
  }
  for (const member of [a, b]) {
    const add = await member.find((m) => m.type === 'user' && m.id === id);
    assert.equal(add.kind, 'add');
  }
});

it('user add names id, username and permissions, and attributes only if there are any', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const guest = await Client.enter(server, 'open', { username: 'g' });
  const observer = await Client.enter(server, 'open', { username: 'obs', password: 'obs', data: { a: 1 } });
  const add = await watcher.find((m) => m.kind === 'add' && m.id === guest.id);
  assert.deepEqual(keys(add), ['id', 'kind', 'permissions', 'type', 'username']);
  assert.deepEqual(keys(guest.self), ['id', 'kind', 'permissions', 'type', 'username']);
  const other = await watcher.find((m) => m.kind === 'add' && m.id === observer.id);
  assert.deepEqual(keys(other), ['data', 'id', 'kind', 'type', 'username']);
  assert.deepEqual(other.data, { a: 1 });
});

it('user delete has an id and a name, and nothing else', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const guest = await Client.enter(server, 'open', { username: 'g', data: { a: 1 } });
  await guest.close();
  const gone = await watcher.find((m) => m.kind === 'delete');
  assert.deepEqual(keys(gone), ['id', 'kind', 'type', 'username']);
  assert.deepEqual([gone.id, gone.username], [guest.id, 'g']);
});

it('a socket that breaks is a departure too', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const guest = await Client.enter(server, 'open', { username: 'g' });
  guest.socket.terminate();
  assert.equal((await watcher.find((m) => m.kind === 'delete')).id, guest.id);
});

it('attributes are merged, null deletes, and everybody gets the full state', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const guest = await Client.enter(server, 'open', { username: 'g', data: { keep: 'x', drop: 1 } });
  guest.send({ type: 'useraction', kind: 'setdata', source: guest.id, dest: guest.id, username: 'g', value: { drop: null, raisehand: true, absent: null } });
  for (const client of [watcher, guest]) {
    const change = await client.find((m) => m.type === 'user' && m.kind === 'change');
    assert.deepEqual(keys(change), ['data', 'id', 'kind', 'permissions', 'type', 'username']);
    assert.deepEqual(change.data, { keep: 'x', raisehand: true });
    assert.deepEqual([...change.permissions].sort(), ['message', 'present']);
    assert.equal(change.username, 'g');
  }
  guest.send({ type: 'useraction', kind: 'setdata', source: guest.id, dest: guest.id, value: { keep: null, raisehand: null } });
  const change = await watcher.find((m) => m.type === 'user' && m.kind === 'change');
  assert.deepEqual(keys(change), ['id', 'kind', 'permissions', 'type', 'username']);
});

it('attributes keep numbers and texts as they were written', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const guest = await Client.enter(server, 'open', { username: 'g' });
  guest.sendText(`{"type":"useraction","kind":"setdata","dest":"${guest.id}","value":{"n":12345678901234567890,"f":1.50,"e":1e300,"u":"\\ud83d\\ude00"}}`);
  const change = await watcher.find((m) => m.type === 'user' && m.kind === 'change');
  assert.match(change[RAW], /12345678901234567890/);
  assert.deepEqual(change.data, { n: 12345678901234567890, f: 1.5, e: 1e300, u: '😀' });
});

it('a change of permissions is told to the subject in joined and to all in user', async (server) => {
  const op = await Client.enter(server, 'acts', { username: 'op', password: 'op' });
  const guest = await Client.enter(server, 'acts', { username: 'g', data: { a: 1 } });
  const watcher = await Client.enter(server, 'acts', { username: 'w' });
  op.send({ type: 'groupaction', kind: 'setdata', source: op.id, username: 'op', value: { topic: 'x' } });
  for (const c of [op, guest, watcher]) {
    const m = await c.find((x) => x.type === 'joined');
    assert.equal(m.kind, 'change');
    assert.deepEqual(m.data, { topic: 'x' });
    assert.deepEqual(keys(m), ['data', 'group', 'kind', 'permissions', 'rtcConfiguration', 'status', 'type', 'username']);
  }
  op.send({ type: 'useraction', kind: 'unpresent', source: op.id, username: 'op', dest: guest.id, value: '' });
  const joined = await guest.find((m) => m.type === 'joined');
  assert.deepEqual(keys(joined), ['group', 'kind', 'permissions', 'rtcConfiguration', 'status', 'type', 'username']);
  assert.equal(joined.kind, 'change');
  assert.deepEqual(joined.permissions, ['message']);
  assert.deepEqual(joined.rtcConfiguration, guest.joined.rtcConfiguration);
  for (const c of [op, guest, watcher]) {
    const change = await c.find((m) => m.type === 'user' && m.kind === 'change');
    assert.deepEqual(change.permissions, ['message']);
    assert.deepEqual(change.data, { a: 1 });
    assert.equal(change.id, guest.id);
  }
  assert.ok(!(await watcher.rest()).some((m) => m.type === 'joined'), 'joined change is for the subject');
  const late = await Client.enter(server, 'acts', { username: 'late' });
  assert.deepEqual(late.joined.data, { topic: 'x' });
  op.send({ type: 'useraction', kind: 'shutup', source: op.id, username: 'op', dest: guest.id });
  const none = await guest.find((m) => m.type === 'joined');
  assert.ok(!('permissions' in none));
  assert.ok(!('permissions' in await watcher.find((m) => m.type === 'user' && m.kind === 'change')));
});

it('allow-recording gives record to operators, unrestricted-tokens gives token to presenters', async (server) => {
  const op = await Client.enter(server, 'extra', { username: 'op', password: 'op' });
  assert.deepEqual([...op.joined.permissions].sort(), ['caption', 'message', 'op', 'present', 'record', 'token']);
  const guest = await Client.enter(server, 'extra', { username: 'g' });
  assert.deepEqual([...guest.joined.permissions].sort(), ['message', 'present', 'token']);
  op.send({ type: 'useraction', kind: 'op', dest: guest.id });
  assert.deepEqual([...(await guest.find((m) => m.type === 'joined')).permissions].sort(), ['message', 'op', 'present', 'record', 'token']);
  op.send({ type: 'useraction', kind: 'unop', dest: guest.id });
  assert.deepEqual([...(await guest.find((m) => m.type === 'joined')).permissions].sort(), ['message', 'present', 'token']);
});
