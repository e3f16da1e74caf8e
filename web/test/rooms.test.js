import assert from 'node:assert/strict';
import test from 'node:test';
import { Refused, Unreachable, isPassing } from '../src/net/rooms.js';
import { guest, session } from '../src/net/signer.js';
import { Unreadable, isInvitation, readCreated, readJoined, readPublicView, readRefreshed, readRefusal, tokenOfPath } from '../src/wire/rooms.js';
import { answer, fakeDoor, refusal } from './door.js';

const TOKEN = 'QzBbvGmIZWU';
const JOINED = { apiKey: 'k', sessionId: '1', sessionToken: 'T1==', expires: 300 };

test('the path of an invitation names a room token', () => {
  assert.equal(tokenOfPath(`/r/${TOKEN}`), TOKEN);
  assert.equal(tokenOfPath(`/r/${TOKEN}/`), TOKEN);
  for (const path of ['/r/', '/r/short', `/r/${TOKEN}x`, `/r/${TOKEN}/x`, '/group/lobby/', '/r/..%2f..%2f..aa']) assert.equal(tokenOfPath(path), '', path);
  assert.ok(isInvitation('/r/x') && !isInvitation('/group/r/'));
});

test('answers are read or refused whole', () => {
  const view = { roomToken: TOKEN, roomUrl: 'http://x/r/a', roomOwner: '-', context: { value: 'v', alg: 'AES-GCM', wrappedKey: 'w' } };
  assert.deepEqual(readPublicView(view), { token: TOKEN, url: 'http://x/r/a', owner: '-', name: '', context: view.context });
  assert.equal(readPublicView({ ...view, context: null }).context, null);
  assert.equal(readPublicView({ ...view, context: { value: {} } }).context, null);
  assert.deepEqual(readJoined(JOINED), { sessionToken: 'T1==', expires: 300 });
  assert.equal(readRefreshed({ expires: 0.05 }), 0.05);
  assert.deepEqual(readCreated({ roomToken: TOKEN, roomUrl: 'https://x/r/a' }), { token: TOKEN, url: 'https://x/r/a' });
  for (const member of Object.keys(JOINED)) assert.throws(() => readJoined({ ...JOINED, [member]: undefined }), Unreadable, member);
  for (const expires of ['300', null, Number.NaN, -1]) assert.throws(() => readRefreshed({ expires }), Unreadable);
  assert.throws(() => readCreated({ roomToken: TOKEN, roomUrl: 'javascript:x' }), Unreadable);
  assert.throws(() => readPublicView([]), Unreadable);
  assert.deepEqual(readRefusal(500, 'x'), { kind: 'rest', status: 500, errno: 999, text: '' });
});

test('a guest looks and joins without credentials and shows the token from then on', async () => {
  const { door, seen } = fakeDoor(({ body }) => (body?.action === 'join' ? answer(200, JOINED) : body?.action === 'refresh' ? answer(200, { expires: 3 }) : answer(204)));
  const { sessionToken } = await door.join(TOKEN, 'Ada', 7);
  const inside = door.as(guest(sessionToken));
  assert.equal(await inside.refresh(TOKEN), 3);
  await inside.report(TOKEN, { event: 'e', state: 'waiting', connections: 1, sendStreams: 0, recvStreams: 0 });
  await inside.leave(TOKEN);
  assert.deepEqual(seen.map(({ method, path, body }) => [method, path, body]), [
    ['POST', `/v0/rooms/${TOKEN}`, { action: 'join', displayName: 'Ada', clientMaxSize: 7 }],
    ['POST', `/v0/rooms/${TOKEN}`, { action: 'refresh' }],
    ['POST', `/v0/rooms/${TOKEN}`, { action: 'status', event: 'e', state: 'waiting', connections: 1, sendStreams: 0, recvStreams: 0 }],
    ['POST', `/v0/rooms/${TOKEN}`, { action: 'leave' }],
  ]);
  assert.deepEqual(seen.map(({ headers }) => headers.authorization), [undefined, ...Array(3).fill('Basic VDE9PTo=')]);
  assert.ok(seen.every(({ headers }) => headers['content-type'] === 'application/json'));
});

test('a leave made ready is sent at once and outlives the page', async () => {
  const { door, seen } = fakeDoor(() => answer(204));
  const later = await door.as(guest('T')).leaveLater(TOKEN);
  assert.equal(seen.length, 0);
  later();
  assert.deepEqual(seen.map(({ body, keepalive, headers }) => [body, keepalive, headers.authorization]), [[{ action: 'leave' }, true, 'Basic VDo=']]);
});

test('a refusal keeps its number; what is no answer may be tried again', async () => {
  const refused = await fakeDoor(() => refusal(404, 105)).door.look(TOKEN).catch((error) => error);
  assert.ok(refused instanceof Refused && refused.refusal.errno === 105 && !isPassing(refused));
  for (const respond of [() => new Error('offline'), () => refusal(503, 201), () => refusal(429, 999), () => new Response('<html>'), () => answer(200, {})]) {
    const error = await fakeDoor(respond).door.look(TOKEN).catch((caught) => caught);
    assert.ok(isPassing(error), String(error));
  }
  assert.equal(isPassing(new Error('our own fault')), false);
});

test('a signature refused because of our clock is made again with the right time', async () => {
  const signer = session('0'.repeat(64), { place: { hostname: 'h', port: '', protocol: 'http:' }, now: () => 0, nonce: () => 'n' });
  const date = 'Sat, 21 Nov 2026 13:00:00 GMT';
  const { door, seen } = fakeDoor(() => (seen.length < 2 ? answer(401, {}, { date }) : answer(200, { expires: 1 })));
  assert.equal(await door.as(signer).refresh(TOKEN), 1);
  assert.match(seen[0]?.headers.authorization ?? '', /ts="0"/);
  assert.match(seen[1]?.headers.authorization ?? '', new RegExp(`ts="${Date.parse(date) / 1000}"`));
  const again = fakeDoor(() => answer(401, {}, { date }));
  await assert.rejects(again.door.as(signer).refresh(TOKEN), Refused);
  assert.equal(again.seen.length, 1);
});

test('registration hands out a session, or there is none', async () => {
  const token = 'ab'.repeat(32);
  assert.equal(await fakeDoor(() => answer(200, undefined, { 'hawk-session-token': token })).door.register(), token);
  await assert.rejects(fakeDoor(() => answer(200, undefined)).door.register(), Unreachable);
});

test('a server without this door is noticed', async () => {
  assert.equal(await fakeDoor(() => answer(200, {})).door.isOpen(), true);
  assert.equal(await fakeDoor(() => new Response('<html>', { status: 404 })).door.isOpen(), false);
  assert.equal(await fakeDoor(() => new Response('<html>')).door.isOpen(), false);
});
