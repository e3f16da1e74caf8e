/** What members do to members (docs/protocols/galene.md §3.11), and kicks (§2.4). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, keys, suite } from './client.mjs';

const it = suite({ groups: { open: PEOPLE } });
const act = (client, kind, dest, value) => client.send({ type: 'useraction', kind, source: client.id, username: client.username, dest, value });
const enterOp = (server) => Client.enter(server, 'open', { username: 'op', password: 'op' });
const KINDS = ['op', 'unop', 'present', 'unpresent', 'shutup', 'unshutup', 'identify', 'kick'];

it('an action outside a group is refused softly', async (server) => {
  const client = await Client.greet(server);
  for (const kind of [...KINDS, 'setdata', 'setstatus']) {
    client.send({ type: 'useraction', kind, dest: client.id, value: {} });
    await client.refused('join a group first');
  }
});

for (const kind of KINDS) {
  it(`${kind} is for operators`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    const b = await Client.enter(server, 'open', { username: 'b' });
    await b.rest();
    act(a, kind, b.id, '');
    await a.refused('not authorised');
    act(a, kind, a.id, '');
    await a.refused('not authorised');
    act(a, kind, 'nobody', '');
    await a.refused('not authorised');
    await b.quiet();
  });
}

for (const [kind, text] of [
  ['op', 'no suck user'], ['unop', 'no suck user'], ['present', 'no suck user'], ['unpresent', 'no suck user'],
  ['shutup', 'no suck user'], ['unshutup', 'no suck user'], ['identify', 'client not found'], ['kick', 'no such user'],
]) {
  it(`${kind} of nobody says: ${text}`, async (server) => {
    const op = await enterOp(server);
    act(op, kind, 'nobody', '');
    await op.refused(text);
    act(op, kind, '', '');
    await op.refused(text);
  });
}

const sorted = (list) => [...(list ?? [])].sort();
for (const [kind, before, granted] of [
  ['op', {}, ['message', 'op', 'present']],
  ['unop', { username: 'zoe', password: 'zoe' }, ['caption', 'message', 'present', 'token']],
  ['present', { username: 'msg', password: 'msg' }, ['message', 'present']],
  ['unpresent', {}, ['message']],
  ['shutup', {}, ['present']],
  ['unshutup', { username: 'obs', password: 'obs' }, ['message']],
]) {
  it(`${kind} leaves ${granted.join(', ')}, and saying it twice changes nothing`, async (server) => {
    const op = await enterOp(server);
    const target = await Client.enter(server, 'open', before);
    await op.rest();
    act(op, kind, target.id, '');
    assert.deepEqual(sorted((await target.find((m) => m.type === 'joined')).permissions), granted);
    for (const c of [op, target]) {
      const change = await c.find((m) => m.type === 'user' && m.kind === 'change');
      assert.equal(change.id, target.id);
      assert.deepEqual(sorted(change.permissions), granted);
    }
    act(op, kind, target.id);
    const again = (await target.rest()).find((m) => m.type === 'joined');
    if (again) assert.deepEqual(sorted(again.permissions), granted);
  });
}

it('identify gives the address to the asker and warns the target', async (server) => {
  const op = await enterOp(server);
  const target = await Client.enter(server, 'open', { username: 'tea' });
  act(op, 'identify', target.id, '');
  const warning = await target.told('warning');
  assert.equal(warning.value, 'Your IP address has been communicated to user op.');
  assert.equal(warning.privileged, true);
  const info = await op.told('userinfo');
  assert.equal(info.privileged, true);
  assert.deepEqual(keys(info.value), ['address', 'id', 'username']);
  assert.equal(info.value.id, target.id);
  assert.equal(info.value.username, 'tea');
  assert.match(info.value.address, /^127\.0\.0\.1:\d+$/);
});

for (const [value, shown, reason] of [
  ['go away', 'go away', 'kicked out (go away) by op'],
  ['', 'you have been kicked out', 'kicked out by op'],
  [undefined, 'you have been kicked out', 'kicked out by op'],
]) {
  it(`a kick with the text ${JSON.stringify(value)} shows: ${shown}`, async (server) => {
    const op = await enterOp(server);
    const target = await Client.enter(server, 'open', { username: 't' });
    await op.rest();
    act(op, 'kick', target.id, value);
    const kicked = await target.told('kicked');
    assert.equal(kicked.privileged, true);
    assert.equal(kicked.dest, target.id);
    assert.equal(kicked.value, shown);
    assert.equal(kicked.id, op.id);
    assert.equal(kicked.username, 'op');
    await target.ends(1000, reason);
    assert.equal((await op.find((m) => m.kind === 'delete')).id, target.id);
  });
}

for (const text of ['x'.repeat(500), 'é'.repeat(200), '🙂'.repeat(100), `${'a'.repeat(107)}éééééé`]) {
  it(`a kick with a text of ${Buffer.byteLength(text)} bytes still closes with 1000 and a reason that fits`, async (server) => {
    const op = await enterOp(server);
    const target = await Client.enter(server, 'open', { username: 't' });
    act(op, 'kick', target.id, text);
    assert.equal((await target.told('kicked')).value, text);
    await target.ends(1000, /^kicked out \(/);
    assert.ok(Buffer.byteLength(target.ended.reason) < 124);
    assert.ok(!target.ended.reason.includes('\ufffd'));
  });
}

it('an operator may kick itself', async (server) => {
  const op = await enterOp(server);
  act(op, 'kick', op.id, '');
  await op.told('kicked');
  await op.ends(1000, 'kicked out by op');
});

for (const kind of ['setdata', 'setstatus']) {
  it(`${kind} is for oneself only`, async (server) => {
    const op = await enterOp(server);
    const a = await Client.enter(server, 'open', { username: 'a' });
    for (const dest of [a.id, 'nobody', '']) {
      act(op, kind, dest, { x: 1 });
      await op.refused('not authorised');
    }
    await a.quiet();
  });

  it(`${kind} with something that is no object says: Bad value in setdata`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    for (const value of ['x', 5, [], true]) {
      act(a, kind, a.id, value);
      await a.refused('Bad value in setdata');
    }
  });

  it(`${kind} does what it says`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    act(a, kind, a.id, { raisehand: true });
    assert.deepEqual((await a.find((m) => m.kind === 'change')).data, { raisehand: true });
  });
}

for (const kind of ['explode', '', undefined]) {
  it(`a user action of kind ${JSON.stringify(kind)} ends the session`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    act(a, kind, a.id, '');
    await a.endsSaying(1000, 'unknown user action');
  });
}
