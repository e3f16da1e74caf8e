/** Making, reading, changing, deleting and listing rooms (docs/protocols/rooms.md §4). */

import assert from 'node:assert/strict';
import { errno, refused, suite, until } from './client.mjs';

const small = () => ({
  PARLOUR_ROOMS_NAME_CHARS_MAX: '15', PARLOUR_ROOMS_OWNER_CHARS_MAX: '10', PARLOUR_ROOMS_SIZE_MAX: '3',
  PARLOUR_ROOMS_LIFE_HOURS: '10', PARLOUR_ROOMS_LIFE_HOURS_MAX: '10',
  PARLOUR_ROOMS_ROOM_URL: 'http://localhost:3000/{token}',
});
const it = suite(small, { prefixes: ['/v0', ''] });
const context = { value: 'v', alg: 'AES-GCM', wrappedKey: 'k' };
const seconds = () => Math.floor(Date.now() / 1000);

it('a stranger is refused, a participant and the owner are let in', async (anyone) => {
  const [owner, participant, stranger] = await Promise.all([anyone.register(), anyone.register(), anyone.register()]);
  const room = await owner.room({ maxSize: 3 });
  await participant.join(room);
  refused(await stranger.get(`/rooms/${room}`), 403, errno.undefined, 'Authenticated user is neither a participant of the room nor the room owner.');
  assert.equal((await participant.get(`/rooms/${room}`)).status, 200);
  assert.equal((await owner.get(`/rooms/${room}`)).status, 200);
});

it('each value that must not be is told with its limit', async (anyone) => {
  const owner = await anyone.register();
  const make = (fields) => owner.post('/rooms', { context, roomOwner: 'o', maxSize: 2, ...fields });
  const named = (fields) => owner.post('/rooms', { roomOwner: 'o', maxSize: 2, ...fields });
  refused(await named({ roomName: 'n'.repeat(16) }), 400, errno.invalid, 'roomName should be shorter than 15 characters');
  assert.equal((await named({ roomName: 'é'.repeat(15) })).status, 201);
  refused(await make({ roomOwner: 'o'.repeat(11) }), 400, errno.invalid, 'roomOwner should be shorter than 10 characters');
  refused(await make({ expiresIn: 11 }), 400, errno.invalid, 'expiresIn cannot be greater than 10');
  refused(await make({ maxSize: 4 }), 400, errno.invalid, 'maxSize cannot be greater than 3');
  refused(await make({ roomName: 'n' }), 400, errno.invalid, 'roomName has been deprecated, please store it encrypted inside the context.');
  const odd = 'context should be an object containing `value`, `alg` and `wrappedKey` properties.';
  for (const value of [{ alg: 1, wrappedKey: 1 }, null, 'text', []]) {
    refused(await make({ context: value }), 400, errno.invalid, odd);
  }
  for (const value of [null, 'soon', {}]) {
    refused(await make({ expiresIn: value }), 400, errno.invalid, 'expiresIn should be a valid number');
  }
  for (const fields of [{ maxSize: 'x' }, { maxSize: 0 }, { maxSize: -1 }, { expiresIn: 0 }, { roomOwner: null }, { roomOwner: {} }]) {
    refused(await make(fields), 400, errno.invalid);
  }
  const made = await make({ expiresIn: '3x', maxSize: 1.9 });
  assert.ok(Math.abs(made.body.expiresAt - seconds() - 3 * 3600) <= 2);
  assert.equal((await owner.get(`/rooms/${made.body.roomToken}`)).body.maxSize, 1);
});

it('what is absent is told together', async (anyone) => {
  const owner = await anyone.register();
  for (const [body, text] of [
    [{}, 'Missing: context,roomName, roomOwner, maxSize'],
    [{ roomOwner: 'o', maxSize: 2 }, 'Missing: context,roomName'],
    [{ roomName: 'n', maxSize: 2 }, 'Missing: roomOwner'],
    [{ context, roomOwner: 'o' }, 'Missing: maxSize'],
  ]) refused(await owner.post('/rooms', body), 400, errno.missing, text);
  refused(await anyone.post('/rooms', {}), 401, errno.auth);
});

it('a room with a name, or with a context, is made and told once', async (anyone, { push }) => {
  const url = `/made-${Math.random()}`;
  const owner = await anyone.register({ rooms: push.origin + url });
  const named = await owner.post('/rooms', { roomName: 'name', roomOwner: 'Ada', maxSize: 2, channel: 'no such' });
  assert.equal(named.status, 201);
  assert.ok(named.headers.alert);
  const token = named.body.roomToken;
  assert.match(token, /^[A-Za-z0-9_-]{11}$/);
  assert.deepEqual(Object.keys(named.body).sort(), ['expiresAt', 'roomToken', 'roomUrl']);
  assert.equal(named.body.roomUrl, `http://localhost:3000/${token}`);
  assert.ok(Math.abs(named.body.expiresAt - seconds() - 36_000) <= 2);
  const [told] = await until(() => push.at(url).length && push.at(url), 'a notification');
  assert.equal(told.method, 'PUT');
  assert.equal(told.headers['content-type'], 'application/x-www-form-urlencoded; charset=utf-8');
  const full = (await owner.get(`/rooms/${token}`)).body;
  assert.equal(told.body, `version=${full.creationTime}`);
  assert.deepEqual(full, {
    roomToken: token, roomUrl: `http://localhost:3000/${token}`, roomName: 'name', roomOwner: 'Ada', context: null,
    maxSize: 2, clientMaxSize: 2, creationTime: full.creationTime, ctime: full.creationTime,
    expiresAt: full.creationTime + 36_000, participants: [],
  });
  const outside = (await anyone.get(`/rooms/${token}`)).body;
  assert.deepEqual(outside, { roomToken: token, roomUrl: full.roomUrl, roomName: 'name', roomOwner: 'Ada', context: null });
  const other = await owner.room({ context: { ...context, extra: [1] } });
  const seen = (await anyone.get(`/rooms/${other}`)).body;
  assert.deepEqual(seen.context, { ...context, extra: [1] });
  assert.ok(!('roomName' in seen));
});

it('participants are shown with what clients need and no more', async (anyone) => {
  const [owner, second] = [await anyone.register(), await anyone.register()];
  const room = await owner.room({ maxSize: 3 });
  await owner.join(room, 5, 'Ada');
  await second.join(room, 2, 'Bob');
  const { participants, clientMaxSize } = (await owner.get(`/rooms/${room}`)).body;
  assert.equal(clientMaxSize, 2);
  assert.deepEqual(participants.map((one) => [one.displayName, one.owner]).sort(), [['Ada', true], ['Bob', false]]);
  for (const one of participants) {
    assert.deepEqual(Object.keys(one).sort(), ['displayName', 'owner', 'roomConnectionId']);
    assert.match(one.roomConnectionId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

it('only what is named changes, and each change prolongs', async (anyone, { push }) => {
  const url = `/changed-${Math.random()}`;
  const owner = await anyone.register({ rooms: push.origin + url });
  const made = await owner.post('/rooms', { roomName: 'old', roomOwner: 'Ada', maxSize: 2, expiresIn: 1 });
  const path = `/rooms/${made.body.roomToken}`;
  const changed = await owner.ask('PATCH', path, { roomName: 'new' });
  assert.equal(changed.status, 200);
  assert.deepEqual(Object.keys(changed.body), ['expiresAt']);
  assert.ok(Math.abs(changed.body.expiresAt - seconds() - 36_000) <= 2);
  await owner.ask('PATCH', path, { roomOwner: 'Bob', maxSize: 3, expiresIn: 5 });
  await owner.ask('PATCH', path, { context });
  refused(await owner.ask('PATCH', path, { context: null }), 400, errno.invalid);
  const full = (await owner.get(path)).body;
  assert.deepEqual([full.roomName, full.roomOwner, full.maxSize, full.context], ['new', 'Bob', 3, context]);
  assert.equal((await owner.ask('PATCH', path, {})).status, 200);
  await until(() => push.at(url).length === 5, 'one notification for each change');
  const stranger = await anyone.register();
  refused(await stranger.ask('PATCH', path, {}), 403, errno.undefined, 'Authenticated user is not the owner of this room.');
  refused(await stranger.ask('PATCH', path, { maxSize: 9 }), 400, errno.invalid);
  refused(await anyone.ask('PATCH', path, {}), 401, errno.auth);
  refused(await owner.ask('PATCH', '/rooms/AAAAAAAAAAE', {}), 404, errno.token, 'Token not found.');
});

it('a deleted room is gone for everybody, and its owner is told once', async (anyone, { push }) => {
  const url = `/deleted-${Math.random()}`;
  const owner = await anyone.register({ rooms: push.origin + url });
  const room = await owner.room();
  const guest = await anyone.guest(room);
  await until(() => push.at(url).length === 2, 'creation and join');
  const stranger = await anyone.register();
  refused(await stranger.ask('DELETE', `/rooms/${room}`), 403, errno.undefined);
  refused(await anyone.ask('DELETE', `/rooms/${room}`), 401, errno.auth);
  const reply = await owner.ask('DELETE', `/rooms/${room}`);
  assert.deepEqual([reply.status, reply.text], [204, '']);
  assert.ok(reply.headers['server-authorization']);
  await until(() => push.at(url).length === 3, 'the deletion');
  for (const who of [owner, guest, anyone]) refused(await who.get(`/rooms/${room}`), 404, errno.token, 'Token not found.');
  refused(await owner.ask('DELETE', `/rooms/${room}`), 404, errno.token);
});

it('many rooms are deleted at once', async (anyone, { push }) => {
  const url = `/bulk-${Math.random()}`;
  const owner = await anyone.register({ rooms: push.origin + url });
  const foreign = await (await anyone.register()).room();
  const [one, two, three] = [await owner.room(), await owner.room(), await owner.room()];
  await until(() => push.at(url).length === 3, 'three rooms made');
  const del = (tokens) => owner.ask('PATCH', '/rooms', { deleteRoomTokens: tokens });
  const gone = { code: 200 };
  const absent = { code: 404, errno: 105, error: 'Room not found.' };
  const both = await del([one, two]);
  assert.equal(both.status, 207);
  assert.deepEqual(both.body, { responses: { [one]: gone, [two]: gone } });
  await until(() => push.at(url).length === 4, 'one notification for both');
  const again = await del([one, two]);
  assert.equal(again.status, 404);
  assert.deepEqual(again.body, { responses: { [one]: absent, [two]: absent } });
  const mixed = await del([three, foreign]);
  assert.equal(mixed.status, 207);
  assert.deepEqual(mixed.body, { responses: { [three]: gone, [foreign]: absent } });
  refused(await del([]), 400, errno.invalid, 'deleteRoomTokens should not be empty.');
  refused(await owner.ask('PATCH', '/rooms', {}), 400, errno.missing, 'Missing: deleteRoomTokens');
  for (const odd of ['x', null, 3, {}, [1], [null]]) refused(await del(odd), 400, errno.invalid);
  refused(await anyone.ask('PATCH', '/rooms', { deleteRoomTokens: [foreign] }), 401, errno.auth);
  assert.equal((await anyone.get(`/rooms/${foreign}`)).status, 200);
});

it('the list has the own rooms, by version with the deleted ones', async (anyone) => {
  const owner = await anyone.register();
  assert.deepEqual((await owner.get('/rooms')).body, []);
  const [one, two] = [await owner.room(), await owner.room()];
  const foreign = await (await anyone.register()).room({ maxSize: 3 });
  await owner.join(foreign);
  await anyone.guest(one);
  const list = (await owner.get('/rooms')).body;
  assert.deepEqual(list.map((room) => room.roomToken).sort(), [one, two].sort());
  assert.equal(list.find((room) => room.roomToken === one).participants.length, 1);
  const since = Math.max(...list.map((room) => room.ctime));
  await owner.ask('DELETE', `/rooms/${two}`);
  const versions = (await owner.get(`/rooms?version=${since}`)).body;
  assert.deepEqual(versions.at(-1), { roomToken: two, deleted: true });
  assert.ok(versions.slice(0, -1).every((room) => room.ctime >= since));
  for (const query of ['', '?version=0', '?version=-3', '?version=x']) {
    const all = (await owner.get(`/rooms${query}`)).body;
    assert.deepEqual(all.map((room) => room.roomToken), [one]);
  }
  assert.deepEqual((await owner.get(`/rooms?version=${since + 1000}`)).body, []);
  refused(await anyone.get('/rooms'), 401, errno.auth);
});

it('a list that has not changed need not be sent again', async (anyone) => {
  const owner = await anyone.register();
  await owner.room();
  const first = await owner.get('/rooms');
  assert.match(first.headers.etag, /^W\//);
  const second = await owner.get('/rooms', { headers: { 'if-none-match': first.headers.etag } });
  assert.deepEqual([second.status, second.text], [304, '']);
});
