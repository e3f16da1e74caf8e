import assert from 'node:assert/strict';
import test from 'node:test';
import { Owner } from '../src/owner.js';
import { ROOMS_MAX, keepKeyring, openKeyring } from '../src/keyring.js';
import { keyOfFragment, openDetails, unseal } from '../src/wire/context.js';
import { answer, fakeDoor, refusal } from './door.js';

const TOKEN = 'QzBbvGmIZWU';
const SESSION = 'ab'.repeat(32);
const DETAILS = { name: 'Tea', description: '', links: [{ url: 'https://example.org/', text: 'Menu' }] };

function fakeStorage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return { kept, getItem: (/** @type {string} */ name) => kept.get(name) ?? null, setItem: (/** @type {string} */ name, /** @type {string} */ value) => void kept.set(name, value) };
}

/** @param {(seen: import('./door.js').Seen) => Response | undefined} [script] */
function world(script = () => undefined) {
  const storage = fakeStorage();
  const { door, seen } = fakeDoor((one) => script(one) ?? (one.path === '/v0/registration' ? answer(200, undefined, { 'hawk-session-token': SESSION })
    : one.method === 'DELETE' ? answer(204) : answer(201, { roomToken: TOKEN, roomUrl: `http://h/r/${TOKEN}`, expiresAt: 1 })));
  const owner = new Owner({ door, place: { hostname: 'h', port: '', protocol: 'http:' }, now: () => 0, nonce: () => 'n', storage });
  return { owner, seen, storage };
}

test('the first room makes a session; the link opens what the room is about', async () => {
  const { owner, seen, storage } = world();
  const { token, link } = await owner.create(DETAILS, 3);
  assert.equal(token, TOKEN);
  const url = new URL(link);
  assert.equal(url.pathname, `/r/${TOKEN}`);
  assert.deepEqual(seen.map(({ method, path }) => `${method} ${path}`), ['POST /v0/registration', 'POST /v0/rooms']);
  const { roomOwner, maxSize, context } = seen[1]?.body;
  assert.deepEqual([roomOwner, maxSize], ['-', 3]);
  assert.match(seen[1]?.headers.authorization ?? '', /^Hawk id=/);
  const key = keyOfFragment(url.hash);
  assert.ok(key);
  assert.deepEqual(await openDetails(key, context), DETAILS);
  const keyring = openKeyring(storage);
  assert.deepEqual(await unseal(keyring.key, context.wrappedKey), key);
  assert.deepEqual([keyring.session, keyring.rooms], [SESSION, [TOKEN]]);
});

test('neither the key of the room nor that of its owner is ever sent', async () => {
  const { owner, seen, storage } = world();
  const { link } = await owner.create(DETAILS, 2);
  const own = JSON.parse([...storage.kept.values()][0] ?? '{}').key;
  const sent = JSON.stringify(seen);
  for (const secret of [new URL(link).hash.slice(1), own, 'Tea', 'example.org', SESSION]) assert.equal(sent.includes(secret), false, secret);
});

test('the session is used again, and another made when the server has forgotten it', async () => {
  let forgotten = false;
  const { owner, seen } = world(({ path }) => {
    if (path !== '/v0/rooms' || !forgotten) return undefined;
    forgotten = false;
    return refusal(401, 110);
  });
  await owner.create(DETAILS, 2);
  await owner.create(DETAILS, 2);
  forgotten = true;
  await owner.create(DETAILS, 2);
  assert.deepEqual(seen.map(({ path }) => path), ['/v0/registration', '/v0/rooms', '/v0/rooms', '/v0/rooms', '/v0/registration', '/v0/rooms']);
});

test('a refusal other than that is not tried again', async () => {
  const { owner, seen } = world(({ path }) => (path === '/v0/rooms' ? refusal(400, 107) : undefined));
  await assert.rejects(owner.create(DETAILS, 9), /107/);
  assert.equal(seen.length, 2);
});

test('our rooms are listed with the names and whole links that our key opens', async () => {
  /** @type {any[]} */
  const rooms = [];
  const { owner, seen } = world(({ method, path, body }) => {
    if (path !== '/v0/rooms') return undefined;
    if (method === 'GET') return answer(200, rooms);
    rooms.push({ roomToken: TOKEN, roomUrl: `http://h/r/${TOKEN}`, roomOwner: '-', context: body.context, participants: [{}, {}] });
    return undefined;
  });
  assert.deepEqual(await owner.rooms(), []);
  assert.equal(seen.length, 0, 'nobody asks without a session');
  const { link } = await owner.create(DETAILS, 2);
  const [mine] = rooms;
  rooms.push({ ...mine, context: { ...mine.context, wrappedKey: 'AAAA' } }, { ...mine, context: null, roomName: 'Plain', participants: null });
  rooms.push({ ...mine, roomUrl: 'javascript:x' }, { deleted: true, roomToken: TOKEN }, null);
  const url = `http://h/r/${TOKEN}`;
  assert.deepEqual(await owner.rooms(), [
    { token: TOKEN, link: url, name: 'Plain', people: 0 }, { token: TOKEN, link: url, name: '', people: 2 }, { token: TOKEN, link, name: 'Tea', people: 2 },
  ]);
});

test('a deleted room is not our own any more', async () => {
  const { owner, seen, storage } = world();
  await owner.create(DETAILS, 2);
  await owner.remove(TOKEN);
  assert.equal(seen.at(-1)?.method, 'DELETE');
  assert.deepEqual(openKeyring(storage).rooms, []);
});

test('a keyring survives rubbish and keeps the newest rooms', () => {
  const storage = fakeStorage();
  for (const text of ['', 'null', '[]', '{"session":7,"key":"x","rooms":"y"}', '{']) {
    storage.setItem('parlour.rooms', text);
    const { session, key, rooms } = openKeyring(storage);
    assert.deepEqual([session, key.length, rooms], ['', 16, []]);
  }
  const rooms = Array.from({ length: ROOMS_MAX + 5 }, (_, index) => `room${index}`);
  keepKeyring({ session: SESSION, key: new Uint8Array(16), rooms }, storage);
  assert.deepEqual(openKeyring(storage).rooms, rooms.slice(5));
  const full = { getItem: () => null, setItem() { throw new Error('quota'); } };
  assert.equal(keepKeyring({ session: SESSION, key: new Uint8Array(16), rooms: [] }, full), false);
});
