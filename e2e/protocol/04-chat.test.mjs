/** Chat and user messages, row by row (docs/protocols/galene.md §3.10). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, RAW, TIME, keys, sleep, suite } from './client.mjs';

const it = suite({
  groups: { open: PEOPLE, many: PEOPLE, aged: { ...PEOPLE, 'max-history-age': 1 }, prune: PEOPLE, caps: PEOPLE, quietly: PEOPLE },
});
const isChat = (m) => m.type === 'chat';

for (const type of ['chat', 'usermessage']) {
  it(`${type} outside a group is refused softly`, async (server) => {
    const client = await Client.greet(server);
    client.send({ type, kind: '', dest: '', source: client.id, value: 'x' });
    await client.refused('join a group first');
    await client.settle();
  });

  it(`${type} needs the permission message`, async (server) => {
    const watcher = await Client.enter(server, 'quietly', { username: 'w' });
    const observer = await Client.enter(server, 'quietly', { username: 'obs', password: 'obs' });
    await watcher.rest();
    observer.send({ type, kind: '', dest: '', value: 'x' });
    await observer.refused('not authorised');
    observer.send({ type, kind: 'me', dest: watcher.id, value: 'x' });
    await observer.refused('not authorised');
    await watcher.quiet();
  });

  it(`${type} to one goes to that one only and is not echoed`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    const b = await Client.enter(server, 'open', { username: 'b' });
    const c = await Client.enter(server, 'open', { username: 'c' });
    await Promise.all([a, b].map((x) => x.rest()));
    a.send({ type, kind: 'info', dest: b.id, source: a.id, username: 'a', value: 'psst' });
    const got = await b.find((m) => m.type === type);
    assert.deepEqual([got.source, got.username, got.dest, got.value, got.kind], [a.id, 'a', b.id, 'psst', 'info']);
    await a.quiet();
    await c.quiet();
  });

  it(`${type} to nobody is user unknown`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    a.send({ type, kind: '', dest: 'nobody', value: 'x' });
    await a.refused('user unknown');
  });

  it(`${type} with noecho does not come back, and says so to the others`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    const b = await Client.enter(server, 'open', { username: 'b' });
    await a.rest();
    a.send({ type, kind: 'info', dest: '', noecho: true, value: 'x' });
    assert.equal((await b.find((m) => m.type === type)).noecho, true);
    await a.quiet();
  });

  it(`${type} is privileged exactly if its sender is an operator`, async (server) => {
    const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
    const a = await Client.enter(server, 'open', { username: 'a' });
    op.send({ type, kind: 'info', dest: '', value: 'from op' });
    assert.equal((await a.find((m) => m.value === 'from op')).privileged, true);
    a.send({ type, kind: 'info', dest: '', value: 'from a', privileged: true });
    assert.ok(!('privileged' in await op.find((m) => m.value === 'from a')));
  });

  it(`source and username of a ${type} come from the session`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    const b = await Client.enter(server, 'open', { username: 'b' });
    a.send({ type, kind: 'info', value: 'bare' });
    const got = await b.find((m) => m.type === type);
    assert.deepEqual([got.source, got.username], [a.id, 'a']);
  });

  it(`dest null is a ${type} to all`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    const b = await Client.enter(server, 'open', { username: 'b' });
    a.send({ type, kind: 'info', dest: null, value: 'all' });
    await b.find((m) => m.type === type && m.value === 'all');
    await a.find((m) => m.type === type && m.value === 'all');
  });
}

it('a broadcast chat line has exactly the members it should have', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  a.send({ type: 'chat', kind: '', dest: '', source: a.id, username: 'a', value: 'hello' });
  const got = await a.find(isChat);
  assert.deepEqual(keys(got), ['id', 'source', 'time', 'type', 'username', 'value']);
  assert.match(got.id, /^[A-Za-z0-9_-]{11}$/);
  assert.match(got.time, TIME);
  assert.ok(Math.abs(Date.parse(got.time) - Date.now()) < 5000);
});

it('the id of a chat line is the client\'s, if it gave one', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  a.send({ type: 'chat', id: 'mine', value: 'x' });
  assert.equal((await a.find(isChat)).id, 'mine');
});

it('a time the client gave is not believed', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  a.send({ type: 'chat', time: '2001-01-01T00:00:00Z', value: 'x' });
  assert.ok(Math.abs(Date.parse((await a.find(isChat)).time) - Date.now()) < 5000);
});

it('private chat has a time but no id of the server', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  const b = await Client.enter(server, 'open', { username: 'b' });
  a.send({ type: 'chat', dest: b.id, value: 'x' });
  const got = await b.find(isChat);
  assert.deepEqual(keys(got), ['dest', 'source', 'time', 'type', 'username', 'value']);
});

it('one may write to oneself', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  a.send({ type: 'chat', dest: a.id, value: 'note' });
  assert.equal((await a.find(isChat)).value, 'note');
});

for (const kind of ['me', 'x-application', 'ünï code', '🙂']) {
  it(`chat of kind ${kind} passes`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    a.send({ type: 'chat', kind, dest: '', value: 'x' });
    assert.equal((await a.find(isChat)).kind, kind);
  });
}

const VALUES = [
  '""', '"text"', '"with \\"quotes\\" and \\\\ and \\n"', '"𝒳 é \u2028 \u202e"', '"\\u0000"', '"</script>"',
  'true', 'false', '0', '-0', '1', '12345678901234567890', '-9007199254740993', '0.1', '1e-7', '1e300', '1.0', '123456789012345678901234567890',
  '[]', '{}', '[null]', '[[[[]]]]', '{"a":{"b":[1,2,{"c":null}]}}', '{"type":"chat","id":1}', '{"__proto__":1}', '{"":""}',
];
for (const type of ['chat', 'usermessage']) {
  for (const value of VALUES) {
    it(`the value ${value} of a ${type} arrives untouched`, async (server) => {
      const a = await Client.enter(server, 'open', { username: 'a' });
      a.sendText(`{"type":"${type}","kind":"x","dest":"${a.id}","value":${value}}`);
      const got = await a.find((m) => m.type === type);
      // Integers of 64 bits keep every digit; beyond that a number is what a browser makes of it.
      if (/^-?[1-9]\d{0,19}$/.test(value)) assert.ok(got[RAW].includes(`"value":${value}`), got[RAW]);
      assert.deepEqual(got.value, JSON.parse(value));
    });
  }
  it(`a ${type} without a value or with null is passed on`, async (server) => {
    const a = await Client.enter(server, 'open', { username: 'a' });
    for (const value of [undefined, null]) {
      a.send({ type, kind: 'x', dest: '', value });
      const got = await a.find((m) => m.type === type);
      assert.equal(got.value ?? null, null);
    }
  });
}

it('a number that no double holds is refused, and so is everything that is not JSON', async (server) => {
  for (const value of ['1e400', 'NaN', 'Infinity', '+1', '.5', '0x10', "'x'"]) {
    const a = await Client.enter(server, 'open', { username: 'a' });
    a.sendText(`{"type":"chat","value":${value}}`);
    await a.ends(1011, '');
  }
});

it('chat of one sender keeps its order', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  const b = await Client.enter(server, 'open', { username: 'b' });
  for (let n = 0; n < 100; n += 1) a.send({ type: n % 2 ? 'chat' : 'usermessage', kind: 'n', dest: b.id, value: n });
  for (let n = 0; n < 100; n += 1) assert.equal((await b.find((m) => m.kind === 'n')).value, n);
});

it('history keeps the last fifty broadcast lines, oldest first, as they were', async (server) => {
  const a = await Client.enter(server, 'many', { username: 'op', password: 'op' });
  const b = await Client.enter(server, 'many', { username: 'b' });
  for (let n = 0; n < 60; n += 1) a.send({ type: 'chat', kind: n === 59 ? 'me' : '', dest: '', value: { n } });
  a.send({ type: 'chat', dest: b.id, value: 'private' }, { type: 'usermessage', kind: 'info', dest: '', value: 'not chat' });
  const live = await b.find((m) => isChat(m) && m.value.n === 59);
  await b.find((m) => m.value === 'not chat');
  const late = await Client.greet(server);
  late.send({ type: 'join', kind: 'join', group: 'many', username: 'late', password: '' });
  await late.find((m) => m.type === 'user' && m.id === b.id);
  const history = (await late.rest()).filter((m) => m.type === 'chathistory');
  assert.deepEqual(history.map((m) => m.value.n), Array.from({ length: 50 }, (_, n) => n + 10));
  const last = history.at(-1);
  assert.deepEqual(keys(last), ['id', 'kind', 'privileged', 'source', 'time', 'type', 'username', 'value']);
  for (const member of ['id', 'kind', 'source', 'time', 'username', 'privileged']) assert.equal(last[member], live[member], member);
});

it('history older than max-history-age is forgotten', async (server) => {
  const a = await Client.enter(server, 'aged', { username: 'a' });
  a.send({ type: 'chat', value: 'old' });
  await a.find(isChat);
  await sleep(2100);
  a.send({ type: 'chat', value: 'new' });
  await a.find((m) => m.value === 'new');
  const b = await Client.enter(server, 'aged', { username: 'b' });
  const c = await Client.greet(server);
  c.send({ type: 'join', kind: 'join', group: 'aged', username: 'c', password: '' });
  await c.find((m) => m.type === 'user' && m.id === b.id);
  assert.deepEqual((await c.rest()).filter((m) => m.type === 'chathistory').map((m) => m.value), ['new']);
});

it('captions need caption and nothing else, and are not kept', async (server) => {
  const guest = await Client.enter(server, 'caps', { username: 'g' });
  const cap = await Client.enter(server, 'caps', { username: 'cap', password: 'cap' });
  guest.send({ type: 'chat', kind: 'caption', dest: '', value: 'no' });
  await guest.refused('not authorised');
  cap.send({ type: 'chat', kind: 'caption', dest: '', value: 'yes' });
  const got = await guest.find(isChat);
  assert.deepEqual([got.kind, got.value], ['caption', 'yes']);
  cap.send({ type: 'chat', kind: '', dest: '', value: 'no' });
  await cap.refused('not authorised');
  cap.send({ type: 'usermessage', kind: 'caption', dest: '', value: 'no' });
  await cap.refused('not authorised');
  const late = await Client.greet(server);
  late.send({ type: 'join', kind: 'join', group: 'caps', username: 'late', password: '' });
  await late.find((m) => m.type === 'user' && m.id === cap.id);
  assert.ok(!(await late.rest()).some((m) => m.type === 'chathistory'));
});

it('file transfer messages pass as they are', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  const b = await Client.enter(server, 'open', { username: 'b' });
  const value = { type: 'invite', version: ['1'], id: 'f1', name: 'x/../y.bin', size: 5_000_000_000, mimetype: 'a/b' };
  a.send({ type: 'usermessage', kind: 'filetransfer', source: a.id, username: 'a', dest: b.id, value });
  assert.deepEqual((await b.told('filetransfer')).value, value);
});

it('clearing the chat is for operators and is told to all', async (server) => {
  const op = await Client.enter(server, 'prune', { username: 'op', password: 'op' });
  const a = await Client.enter(server, 'prune', { username: 'a' });
  const late = async () => {
    const c = await Client.greet(server);
    c.send({ type: 'join', kind: 'join', group: 'prune', username: 'late', password: '' });
    await c.find((m) => m.type === 'user' && m.id === a.id);
    const values = (await c.rest()).filter((m) => m.type === 'chathistory').map((m) => m.value);
    await c.close();
    return values;
  };
  const clear = async (value) => {
    op.send({ type: 'groupaction', kind: 'clearchat', source: op.id, username: 'op', value });
    for (const c of [op, a]) {
      const m = await c.told('clearchat');
      assert.equal(m.privileged, true);
      assert.deepEqual(m.value, value);
    }
  };
  a.send({ type: 'groupaction', kind: 'clearchat' });
  await a.refused('not authorised');
  op.send({ type: 'groupaction', kind: 'clearchat', value: { id: 'a1' } });
  await op.refused('bad value in clearchat');
  for (const bad of [3, 'x', [], { userId: 3 }]) {
    op.send({ type: 'groupaction', kind: 'clearchat', value: bad });
    await op.refused('bad value in clearchat');
  }
  for (const id of ['a1', 'a2', 'a3']) a.send({ type: 'chat', id, value: id });
  for (const id of ['o1', 'o2']) op.send({ type: 'chat', id, value: id });
  await a.find((m) => m.value === 'o2');
  await op.find((m) => m.value === 'a3');
  assert.equal((await late()).length, 5);
  await clear({ id: 'a2', userId: a.id });
  assert.deepEqual((await late()).sort(), ['a1', 'a3', 'o1', 'o2']);
  await clear({ id: 'o1', userId: a.id });
  assert.equal((await late()).length, 4);
  await clear({ userId: a.id });
  assert.deepEqual(await late(), ['o1', 'o2']);
  await clear(undefined);
  assert.deepEqual(await late(), []);
});
