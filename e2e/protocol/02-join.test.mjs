/** Every way a join can end (docs/protocols/galene.md §§3.3, 5.4). */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Client, PEOPLE, RAW, ask, failsToJoin, keys, newId, suite, tryJoin } from './client.mjs';

const HOUR = 3_600_000;
const at = (ms) => new Date(Date.now() + ms).toISOString();
const named = { users: PEOPLE.users };
const it = suite({
  groups: {
    open: PEOPLE,
    named,
    rich: { ...PEOPLE, displayName: 'The Rich', description: 'Much to say', authPortal: 'https://portal.example/', authServer: 'https://auth.example/', contact: 'x', comment: 'y' },
    early: { ...PEOPLE, 'not-before': at(HOUR) },
    late: { ...PEOPLE, expires: at(-HOUR) },
    within: { ...PEOPLE, 'not-before': at(-HOUR), expires: at(HOUR) },
    kicking: { ...PEOPLE, autokick: true },
    locking: { ...PEOPLE, autolock: true },
    pair: { ...PEOPLE, 'max-clients': 2 },
    moved: { redirect: 'https://elsewhere.example/group/new/' },
    moving: PEOPLE,
    parent: { ...PEOPLE, 'auto-subgroups': true, displayName: 'Parent', description: 'of many', public: true },
    parent2021: { 'allow-subgroups': true, presenter: [{}] },
  },
});

it('joined of kind join has exactly the members it should have', async (server) => {
  const { joined } = await tryJoin(server, 'open', { username: 'ada' });
  assert.deepEqual(keys(joined), ['group', 'kind', 'permissions', 'rtcConfiguration', 'status', 'type', 'username']);
  assert.equal(joined.username, 'ada');
  assert.deepEqual([...joined.permissions].sort(), ['message', 'present']);
  assert.equal(typeof joined.rtcConfiguration, 'object');
  assert.equal(joined.status.name, 'open');
  assert.equal(joined.status.clientCount, 1);
  for (const absent of ['location', 'endpoint', 'locked', 'displayName', 'description']) assert.ok(!(absent in joined.status), absent);
});

it('the status in joined tells what the file tells', async (server) => {
  const { joined } = await tryJoin(server, 'rich', { username: 'ada' });
  const { clientCount, canChangePassword = false, ...rest } = joined.status;
  assert.equal(clientCount, 1);
  assert.equal(canChangePassword, false);
  assert.deepEqual(rest, {
    name: 'rich', displayName: 'The Rich', description: 'Much to say',
    authPortal: 'https://portal.example/', authServer: 'https://auth.example/',
  });
});

for (const [user, permissions] of [
  ['op', ['caption', 'message', 'op', 'present', 'token']], ['cap', ['caption']], ['msg', ['message']], ['obs', undefined],
]) {
  it(`${user} gets the permissions ${permissions ?? '(member left out)'}`, async (server) => {
    const { joined } = await tryJoin(server, 'open', { username: user, password: user });
    assert.equal(joined.kind, 'join');
    assert.deepEqual(joined.permissions && [...joined.permissions].sort(), permissions);
    assert.equal('permissions' in joined, permissions !== undefined);
  });
}

it('an empty name may join where any name may', async (server) => {
  const client = await Client.enter(server, 'open', { username: '' });
  assert.equal(client.joined.username, '');
  assert.equal(client.self.username, '');
});

for (const [why, group, join] of [
  ['a wrong password', 'open', { username: 'op', password: 'wrong' }],
  ['no password', 'open', { username: 'op' }],
  ['an unknown user', 'named', { username: 'nobody', password: 'x' }],
  ['an empty name where only named users may enter', 'named', { username: '', password: 'x' }],
  ['an unknown token', 'open', { username: 'x', token: 'AAAAAAAAAAA' }],
  ['a token that looks like a JWT', 'open', { username: 'x', token: 'eyJhbGciOiJub25lIn0.e30.' }],
  ['a token beside a right password', 'open', { username: 'op', password: 'op', token: 'nonsense' }],
  ['the name /a', 'open', { username: '/a' }],
  ['the name a/', 'open', { username: 'a/' }],
  ['the name a//b', 'open', { username: 'a//b' }],
  ['the name ..', 'open', { username: '..' }],
  ['the name .', 'open', { username: '.' }],
  ['the name ./a', 'open', { username: './a' }],
  ['the name a/../b', 'open', { username: 'a/../b' }],
  ['the name a\\b', 'open', { username: 'a\\b' }],
]) {
  it(`${why} is not authorised, 200 ms later`, async (server) => {
    const took = await failsToJoin(server, group, join, 'not authorised');
    assert.ok(took >= 190, `answered after ${took} ms`);
    assert.ok(took < 1500, `answered after ${took} ms`);
  });
}

it('names with dots and slashes inside are names', async (server) => {
  for (const username of ['a/b', 'a.b', '.a', 'ünï', ' ']) {
    const client = await Client.enter(server, 'open', { username });
    assert.equal(client.joined.username, username);
    await client.close();
  }
});

it('a group that is not there does not exist', (server) => failsToJoin(server, 'nowhere', { username: 'a' }, 'group does not exist'));

for (const group of ['', '/', '/foo', 'foo/', './foo', 'foo/..', 'foo/./bar', 'foo//bar', 'foo\\bar', '.', '..', '.foo', '../open', '/open', 'open/']) {
  it(`the group name ${JSON.stringify(group)} is illegal`, async (server) => {
    const { joined } = await tryJoin(server, group, { username: 'a' });
    assert.deepEqual([joined.kind, joined.value], ['fail', 'illegal group name']);
  });
}

it('a group of another case is another group', (server) => failsToJoin(server, 'Open', { username: 'a' }, 'group does not exist'));

it('before not-before only operators enter', async (server) => {
  await failsToJoin(server, 'early', { username: 'a' }, 'this group is not open yet');
  await Client.enter(server, 'early', { username: 'op', password: 'op' });
});

it('after expires only operators enter', async (server) => {
  await failsToJoin(server, 'late', { username: 'a' }, 'this group is closed');
  await Client.enter(server, 'late', { username: 'op', password: 'op' });
});

it('between not-before and expires all enter', (server) => Client.enter(server, 'within', { username: 'a' }));

it('a wrong password of a closed group is not told that it is closed', (server) =>
  failsToJoin(server, 'late', { username: 'op', password: 'x' }, 'not authorised'));

it('autokick lets nobody in without an operator, and everybody out with the last', async (server) => {
  const words = 'there are no operators in this group';
  await failsToJoin(server, 'kicking', { username: 'a' }, words);
  const op = await Client.enter(server, 'kicking', { username: 'op', password: 'op' });
  const guest = await Client.enter(server, 'kicking', { username: 'a' });
  await op.close();
  const kicked = await guest.told('kicked');
  assert.equal(kicked.value, words);
  assert.equal(kicked.privileged, true);
  await guest.ends(1000, `kicked out (${words})`);
});

it('autolock locks a group without operators, and an operator does not unlock it by coming', async (server) => {
  await failsToJoin(server, 'locking', { username: 'a' }, 'this group is locked');
  const op = await Client.enter(server, 'locking', { username: 'op', password: 'op' });
  assert.equal(op.joined.status.locked, true);
  await failsToJoin(server, 'locking', { username: 'a' }, 'this group is locked');
  op.send({ type: 'groupaction', kind: 'unlock', source: op.id, username: 'op' });
  const changed = await op.find((m) => m.type === 'joined');
  assert.ok(!('locked' in changed.status));
  const guest = await Client.enter(server, 'locking', { username: 'a' });
  await op.close();
  const locked = await guest.find((m) => m.type === 'joined');
  assert.deepEqual([locked.kind, locked.status.locked], ['change', true]);
  await failsToJoin(server, 'locking', { username: 'b' }, 'this group is locked');
});

it('max-clients holds for everybody but operators', async (server) => {
  const first = await Client.enter(server, 'pair', { username: 'a' });
  await Client.enter(server, 'pair', { username: 'b' });
  await failsToJoin(server, 'pair', { username: 'c' }, 'too many users');
  await Client.enter(server, 'pair', { username: 'op', password: 'op' });
  await failsToJoin(server, 'pair', { username: 'c' }, 'too many users');
  await first.close();
  await failsToJoin(server, 'pair', { username: 'c' }, 'too many users');
});

it('a failed join leaves the socket usable', async (server) => {
  const { client } = await tryJoin(server, 'nowhere', { username: 'a' });
  client.send({ type: 'join', kind: 'join', group: 'open', username: 'op', password: 'no' });
  assert.equal((await client.find((m) => m.type === 'joined')).kind, 'fail');
  client.send({ type: 'join', kind: 'join', group: 'open', username: 'op', password: 'op' });
  const joined = await client.find((m) => m.type === 'joined');
  assert.deepEqual([joined.kind, joined.username], ['join', 'op']);
});

it('a client cannot join twice', async (server) => {
  const client = await Client.enter(server, 'open');
  client.send({ type: 'join', kind: 'join', group: 'rich', username: 'guest' });
  await client.endsSaying(1002, 'cannot join multiple groups');
});

for (const kind of ['', 'enter', undefined]) {
  it(`join of kind ${JSON.stringify(kind)} is unknown`, async (server) => {
    const client = await Client.greet(server);
    client.send({ type: 'join', kind, group: 'open', username: 'a' });
    await client.endsSaying(1002, 'unknown kind');
  });
}

it('who has not joined cannot leave', async (server) => {
  const client = await Client.greet(server);
  client.send({ type: 'join', kind: 'leave', group: 'open' });
  await client.endsSaying(1000, 'you are not joined');
});

it('who has joined one group cannot leave another', async (server) => {
  const client = await Client.enter(server, 'open');
  client.send({ type: 'join', kind: 'leave', group: 'rich' });
  await client.endsSaying(1000, 'you are not joined');
});

it('leaving is answered with joined of kind leave, and one may join again', async (server) => {
  const other = await Client.enter(server, 'open', { username: 'other' });
  const client = await Client.enter(server, 'open', { username: 'goes' });
  client.send({ type: 'join', kind: 'leave', group: 'open' });
  const left = await client.find((m) => m.type === 'joined');
  assert.equal(left.kind, 'leave');
  assert.equal(left.group, 'open');
  assert.equal(left.username, 'goes');
  assert.ok(!('permissions' in left));
  assert.equal(typeof left.rtcConfiguration, 'object');
  assert.equal(left.status.name, 'open');
  assert.deepEqual(keys(left), ['group', 'kind', 'rtcConfiguration', 'status', 'type', 'username']);
  await client.quiet();
  await other.find((m) => m.type === 'user' && m.kind === 'delete' && m.id === client.id);
  client.send({ type: 'join', kind: 'join', group: 'rich', username: 'came', password: '' });
  assert.equal((await client.find((m) => m.type === 'joined')).kind, 'join');
});

it('a group that moved answers with redirect and counts nobody', async (server) => {
  const { joined, client } = await tryJoin(server, 'moved', { username: 'a' });
  assert.deepEqual(keys(joined), ['group', 'kind', 'type', 'username', 'value']);
  assert.deepEqual([joined.kind, joined.value], ['redirect', 'https://elsewhere.example/group/new/']);
  await client.quiet();
});

it('a group that moves while people are in redirects the next', async (server) => {
  const first = await Client.enter(server, 'moving', { username: 'first' });
  await writeFile(`${server.dir}/groups/moving.json`, JSON.stringify({ redirect: 'https://elsewhere.example/', comment: 'gone' }));
  const { joined } = await tryJoin(server, 'moving', { username: 'second' });
  assert.deepEqual([joined.kind, joined.value], ['redirect', 'https://elsewhere.example/']);
  assert.ok(!(await first.rest()).some((m) => m.type === 'user' && m.kind === 'add'));
});

it('a group file that changes is told to those inside', async (server) => {
  const path = `${server.dir}/groups/changing.json`;
  await writeFile(path, JSON.stringify(PEOPLE));
  const client = await Client.enter(server, 'changing');
  await writeFile(path, JSON.stringify({ ...PEOPLE, displayName: 'Changed' }));
  await ask(server, '/group/changing/.status');
  const changed = await client.find((m) => m.type === 'joined');
  assert.equal(changed.kind, 'change');
  assert.equal(changed.status.displayName, 'Changed');
  assert.deepEqual([...changed.permissions].sort(), ['message', 'present']);
});

it('a file that cannot be read lets nobody in and breaks nothing', async (server) => {
  for (const [name, text] of [
    ['broken', '{'], ['stranger', JSON.stringify({ ...PEOPLE, unheard: 1 })],
    ['badset', JSON.stringify({ 'wildcard-user': { password: { type: 'wildcard' }, permissions: 'emperor' } })],
  ]) {
    await writeFile(`${server.dir}/groups/${name}.json`, text);
    const { joined } = await tryJoin(server, name, { username: 'a' });
    assert.equal(joined.kind, 'fail', name);
    assert.ok(['internal server error', 'not authorised', 'group does not exist'].includes(joined.value), joined.value);
  }
});

it('subgroups are made on demand and inherit all but public and description', async (server) => {
  const client = await Client.enter(server, 'parent/one/two', { username: 'a' });
  assert.equal(client.joined.group, 'parent/one/two');
  assert.equal(client.joined.status.name, 'parent/one/two');
  assert.equal(client.joined.status.displayName, 'Parent');
  assert.ok(!('description' in client.joined.status));
  const list = JSON.parse((await ask(server, '/public-groups.json')).body);
  assert.ok(list.some((g) => g.name === 'parent'));
  assert.ok(!list.some((g) => g.name === 'parent/one/two'));
  await Client.enter(server, 'parent2021/sub', { username: 'a', password: 'x' });
  await failsToJoin(server, 'open/sub', { username: 'a' }, 'group does not exist');
});

it('initial attributes come with the join', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const client = await Client.enter(server, 'open', { username: 'a', data: { raisehand: true, n: 1.5 } });
  assert.deepEqual(client.self.data, { raisehand: true, n: 1.5 });
  assert.deepEqual((await watcher.find((m) => m.kind === 'add' && m.id === client.id)).data, { raisehand: true, n: 1.5 });
});

it('joining and closing at once leaves nothing behind', async (server) => {
  const watcher = await Client.enter(server, 'rich', { username: 'w' });
  for (let round = 0; round < 20; round += 1) {
    const client = await Client.open(server);
    client.send({ type: 'handshake', id: newId(), version: ['2'] }, { type: 'join', kind: 'join', group: 'rich', username: 'x', password: '' });
    client.socket.terminate();
  }
  const present = new Set();
  for (const m of await watcher.rest()) {
    if (m.type !== 'user') continue;
    if (m.kind === 'add') present.add(m.id);
    if (m.kind === 'delete') assert.ok(present.delete(m.id), m[RAW]);
  }
  await watcher.settle();
  for (const m of await watcher.rest()) if (m.kind === 'delete') present.delete(m.id);
  assert.equal(present.size, 0);
});
