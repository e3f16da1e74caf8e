/** Invitations (docs/protocols/galene.md §§3.12, 5.7). */

import assert from 'node:assert/strict';
import { Client, PEOPLE, failsToJoin, keys, sleep, suite, tryJoin } from './client.mjs';

const it = suite({ groups: { open: PEOPLE, other: PEOPLE, free: { ...PEOPLE, 'unrestricted-tokens': true }, subs: { ...PEOPLE, 'auto-subgroups': true } } });
const DAY = 86_400_000;
const enterOp = (server, group = 'open') => Client.enter(server, group, { username: 'op', password: 'op' });
async function act(client, kind, value, answer = 'token') {
  client.send({ type: 'groupaction', kind, source: client.id, username: client.username, value });
  const m = await client.told(answer);
  assert.equal(m.privileged, true);
  return m;
}
const make = async (client, value) => {
  const m = await act(client, 'maketoken', { group: client.group, expires: DAY, permissions: ['present', 'message'], ...value });
  assert.ok(!('error' in m), JSON.stringify(m));
  return m.value;
};
async function refuses(client, kind, value, error, text) {
  const m = await act(client, kind, value);
  assert.deepEqual([m.error, m.value], [error, text]);
}

it('a new token is told in full', async (server) => {
  const op = await enterOp(server);
  const token = await make(op, {});
  assert.deepEqual(keys(token), ['expires', 'group', 'issuedAt', 'issuedBy', 'permissions', 'token']);
  assert.match(token.token, /^[A-Za-z0-9_-]{11}$/);
  assert.equal(token.group, 'open');
  assert.equal(token.issuedBy, 'op');
  assert.deepEqual([...token.permissions].sort(), ['message', 'present']);
  assert.ok(Math.abs(Date.parse(token.expires) - Date.now() - DAY) < 5000, token.expires);
  assert.ok(Math.abs(Date.parse(token.issuedAt) - Date.now()) < 5000, token.issuedAt);
  const full = await make(op, { username: 'eve', 'not-before': -1000, permissions: [] });
  assert.equal(full.username, 'eve');
  assert.ok(Date.parse(full['not-before']) < Date.now());
});

it('expires may be a text of RFC 3339, with a zone', async (server) => {
  const op = await enterOp(server);
  for (const expires of ['2031-05-01T10:00:00Z', '2031-05-01T12:00:00+02:00', '2031-05-01T10:00:00.000Z']) {
    const token = await make(op, { expires });
    assert.equal(Date.parse(token.expires), Date.parse('2031-05-01T10:00:00Z'));
  }
});

it('a token without a name asks for one, and lets in twice', async (server) => {
  const op = await enterOp(server);
  const { token } = await make(op, {});
  await failsToJoin(server, 'open', { token }, 'username required', 'need-username');
  for (let round = 0; round < 2; round += 1) {
    const guest = await Client.enter(server, 'open', { username: 'visitor', token });
    assert.equal(guest.joined.username, 'visitor');
    assert.deepEqual([...guest.joined.permissions].sort(), ['message', 'present']);
  }
  await failsToJoin(server, 'open', { username: 'zoe', token }, 'not authorised: this username is taken', 'duplicate-username');
  await failsToJoin(server, 'open', { username: 'zoe', password: 'zoe', token }, 'not authorised: this username is taken', 'duplicate-username');
});

it('a token with a name needs none, and overrides the one given', async (server) => {
  const op = await enterOp(server);
  const { token } = await make(op, { username: 'eve' });
  for (const username of [undefined, 'mallory', '']) {
    const { joined, client } = await tryJoin(server, 'open', { username, token });
    assert.deepEqual([joined.kind, joined.username], ['join', 'eve']);
    client.send({ type: 'chat', source: client.id, username: 'eve', value: 'canonical' });
    assert.equal((await client.find((m) => m.type === 'chat')).username, 'eve');
    await client.close();
  }
});

it('the permissions of a token are taken literally', async (server) => {
  const op = await enterOp(server);
  for (const permissions of [[], ['message'], ['op'], ['present', 'caption', 'token']]) {
    const { token } = await make(op, { username: 'lit', permissions });
    const { joined, client } = await tryJoin(server, 'open', { token });
    assert.deepEqual([...(joined.permissions ?? [])].sort(), [...permissions].sort());
    await client.close();
  }
});

it('a token is good in its group only, and only in time', async (server) => {
  const op = await enterOp(server);
  const { token } = await make(op, { username: 'eve' });
  const slow = await failsToJoin(server, 'other', { token }, 'not authorised');
  assert.ok(slow >= 190);
  const early = await make(op, { username: 'eve', 'not-before': DAY, expires: 2 * DAY });
  await failsToJoin(server, 'open', { token: early.token }, 'not authorised');
  const brief = await make(op, { username: 'eve', expires: 600 });
  await sleep(1700);
  await failsToJoin(server, 'open', { token: brief.token }, 'not authorised');
  const past = await make(op, { username: 'eve', expires: -1000 });
  await failsToJoin(server, 'open', { token: past.token }, 'not authorised');
});

it('what cannot become a token says why', async (server) => {
  const op = await enterOp(server);
  const good = { group: 'open', expires: DAY, permissions: ['message'] };
  await refuses(op, 'maketoken', { ...good, expires: undefined }, 'error', "token doesn't expire");
  await refuses(op, 'maketoken', { ...good, expires: null }, 'error', "token doesn't expire");
  await refuses(op, 'maketoken', { ...good, token: 'AAAAAAAAAAA' }, 'error', 'client specified token');
  await refuses(op, 'maketoken', { ...good, group: 'other' }, 'error', 'wrong group in token');
  await refuses(op, 'maketoken', { ...good, group: undefined }, 'error', 'wrong group in token');
  await refuses(op, 'maketoken', { ...good, username: 'zoe' }, 'error', 'that username is taken');
  assert.equal((await act(op, 'maketoken', { ...good, permissions: ['record'] })).error, 'not-authorised');
  assert.equal((await act(op, 'maketoken', { ...good, permissions: ['admin'] })).error, 'not-authorised');
  assert.equal((await act(op, 'maketoken', { ...good, permissions: ['system'] })).error, 'not-authorised');
  for (const bad of ['x', 5, [], { ...good, expires: 'soon' }, { ...good, expires: {} }, { ...good, permissions: 'op' }, { ...good, username: 7 }, undefined]) {
    assert.ok((await act(op, 'maketoken', bad)).error, JSON.stringify(bad));
  }
  await op.settle();
});

it('tokens need token, editing and listing op as well', async (server) => {
  const guest = await Client.enter(server, 'open', { username: 'g' });
  for (const kind of ['maketoken', 'edittoken']) {
    assert.equal((await act(guest, kind, { group: 'open', expires: DAY, token: 'x' })).error, 'not-authorised');
  }
  assert.equal((await Promise.race([act(guest, 'listtokens', undefined), act(guest, 'listtokens', undefined, 'tokenlist')])).error, 'not-authorised');
  const presenter = await Client.enter(server, 'free', { username: 'p' });
  const token = await make(presenter, { permissions: ['present'] });
  assert.equal((await act(presenter, 'maketoken', { group: 'free', expires: DAY, permissions: ['op'] })).error, 'not-authorised');
  assert.equal((await act(presenter, 'edittoken', { token: token.token, expires: 0 })).error, 'not-authorised');
});

it('a token can be shortened, and nothing but its times edited', async (server) => {
  const op = await enterOp(server);
  const { token } = await make(op, { username: 'eve' });
  const edited = await act(op, 'edittoken', { token, expires: 2 * DAY });
  assert.ok(!edited.error, edited.value);
  assert.equal(edited.value.token, token);
  assert.ok(Math.abs(Date.parse(edited.value.expires) - Date.now() - 2 * DAY) < 5000);
  assert.equal(edited.value.username, 'eve');
  for (const extra of [{ username: 'x' }, { permissions: [] }, { group: 'open' }, { issuedBy: 'x' }]) {
    await refuses(op, 'edittoken', { token, expires: DAY, ...extra }, 'error', 'this field cannot be edited');
  }
  assert.equal((await act(op, 'edittoken', { token: 'AAAAAAAAAAA', expires: DAY })).error, 'error');
  assert.ok((await act(op, 'edittoken', { expires: DAY })).error);
  const other = await enterOp(server, 'other');
  assert.equal((await act(other, 'edittoken', { token, expires: -1000 })).error, 'error');
  const revoked = await act(op, 'edittoken', { token, expires: -1000 });
  assert.ok(!revoked.error);
  await failsToJoin(server, 'open', { token }, 'not authorised');
});

it('the list has the tokens of this group and no other', async (server) => {
  const op = await enterOp(server, 'other');
  const empty = await act(op, 'listtokens', undefined, 'tokenlist');
  assert.deepEqual(empty.value ?? [], []);
  const made = await make(op, { username: 'eve', permissions: ['message'] });
  const list = await act(op, 'listtokens', undefined, 'tokenlist');
  assert.deepEqual(list.value, [made]);
});

it('a token of a subgroup is not one of its parent', async (server) => {
  const op = await enterOp(server, 'subs/one');
  const { token } = await make(op, { username: 'eve' });
  await failsToJoin(server, 'subs', { token }, 'not authorised');
  await failsToJoin(server, 'subs/two', { token }, 'not authorised');
  assert.equal((await tryJoin(server, 'subs/one', { token })).joined.kind, 'join');
});

it('a token is refused like others when the group is locked', async (server) => {
  const op = await enterOp(server, 'subs');
  const { token } = await make(op, { username: 'eve' });
  op.send({ type: 'groupaction', kind: 'lock', value: 'shut' });
  await op.find((m) => m.type === 'joined');
  await failsToJoin(server, 'subs', { token }, 'shut');
});

it('tokens survive a restart', async (server) => {
  const op = await enterOp(server);
  const { token } = await make(op, { username: 'eve' });
  await op.close();
  await server.kill();
  await server.run();
  assert.equal((await tryJoin(server, 'open', { token })).joined.username, 'eve');
});
