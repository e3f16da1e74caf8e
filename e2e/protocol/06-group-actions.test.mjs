/** What operators do to the group (docs/protocols/galene.md §3.12). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, failsToJoin, suite } from './client.mjs';

const subs = { ...PEOPLE, 'auto-subgroups': true };
const it = suite({ groups: { open: PEOPLE, locks: PEOPLE, subs, empty: subs, rec: { ...PEOPLE, 'allow-recording': true } } });
const act = (client, kind, value) => client.send({ type: 'groupaction', kind, source: client.id, username: client.username, value });
const enterOp = (server, group = 'open') => Client.enter(server, group, { username: 'op', password: 'op' });
const KINDS = ['clearchat', 'lock', 'unlock', 'record', 'unrecord', 'subgroups', 'setdata'];

it('an action outside a group is refused softly', async (server) => {
  const client = await Client.greet(server);
  for (const kind of [...KINDS, 'maketoken', 'edittoken', 'listtokens']) {
    client.send({ type: 'groupaction', kind, value: {} });
    await client.refused('join a group first');
  }
});

for (const kind of KINDS) {
  it(`${kind} needs a permission`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    act(a, kind, kind === 'setdata' ? { x: 1 } : '');
    await a.refused('not authorised');
  });
}

for (const kind of ['explode', '', undefined]) {
  it(`a group action of kind ${JSON.stringify(kind)} ends the session`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    act(a, kind);
    await a.endsSaying(1000, 'unknown group action');
  });
}

it('lock and unlock are told to all and keep others out', async (server) => {
  const op = await enterOp(server, 'locks');
  const a = await Client.enter(server, 'locks', { username: 'a' });
  for (const [value, words] of [['', 'this group is locked'], [undefined, 'this group is locked'], ['lunch', 'lunch']]) {
    act(op, 'lock', value);
    for (const c of [op, a]) {
      const m = await c.find((x) => x.type === 'joined');
      assert.deepEqual([m.kind, m.group, m.status.locked, m.username], ['change', 'locks', true, c.username]);
      assert.deepEqual(m.permissions, c.joined.permissions);
      assert.deepEqual(m.rtcConfiguration, c.joined.rtcConfiguration);
    }
    await failsToJoin(server, 'locks', { username: 'b' }, words);
    const late = await Client.enter(server, 'locks', { username: 'zoe', password: 'zoe' });
    assert.equal(late.joined.status.locked, true);
    await late.close();
  }
  act(op, 'unlock');
  for (const c of [op, a]) assert.ok(!('locked' in (await c.find((x) => x.type === 'joined')).status));
  await Client.enter(server, 'locks', { username: 'b' });
});

it('a lock may hold a value that is no text without harm', async (server) => {
  const op = await enterOp(server, 'locks');
  act(op, 'lock', { x: 1 });
  await op.rest();
  act(op, 'unlock');
  await op.settle();
});

it('group attributes are merged, null deletes, all are told and newcomers see them', async (server) => {
  const op = await enterOp(server, 'locks');
  const a = await Client.enter(server, 'locks', { username: 'a' });
  act(op, 'setdata', { a: 1, b: { c: 2 } });
  assert.deepEqual((await a.find((m) => m.type === 'joined')).data, { a: 1, b: { c: 2 } });
  act(op, 'setdata', { a: null, d: 'x' });
  assert.deepEqual((await a.find((m) => m.type === 'joined')).data, { b: { c: 2 }, d: 'x' });
  assert.deepEqual((await Client.enter(server, 'locks', { username: 'b' })).joined.data, { b: { c: 2 }, d: 'x' });
  a.send({ type: 'join', kind: 'leave', group: 'locks' });
  assert.deepEqual((await a.find((m) => m.type === 'joined')).data, { b: { c: 2 }, d: 'x' });
  act(op, 'setdata', { b: null, d: null });
  await op.find((m) => m.type === 'joined' && !('data' in m));
  for (const value of ['x', 4, []]) {
    act(op, 'setdata', value);
    await op.refused('Bad value in setdata');
  }
});

it('subgroups lists the populated ones to the asker only', async (server) => {
  const op = await enterOp(server, 'subs');
  const a = await Client.enter(server, 'subs', { username: 'a' });
  await Client.enter(server, 'subs/one', { username: 'x' });
  await Client.enter(server, 'subs/two', { username: 'x' });
  await Client.enter(server, 'subs/two', { username: 'y' });
  await op.rest();
  await a.rest();
  act(op, 'subgroups');
  const m = await op.find((x) => x.type === 'chat');
  assert.deepEqual([m.username, m.dest], ['Server', op.id]);
  assert.ok(!('source' in m));
  assert.deepEqual(m.value.trim().split('\n').sort(), ['subs/one (1 client)', 'subs/two (2 clients)']);
  await a.quiet();
});

it('subgroups of a group without any is answered too', async (server) => {
  const op = await enterOp(server, 'empty');
  act(op, 'subgroups');
  const m = await op.find((x) => x.type === 'chat');
  assert.equal(typeof (m.value ?? ''), 'string');
});
