/** What participants do (docs/protocols/rooms.md §§4 and 6). */

import assert from 'node:assert/strict';
import { errno, raw, refused, suite, until } from './client.mjs';

const it = suite(() => ({ PARLOUR_ROOMS_SIZE_MAX: '5' }), { prefixes: ['/v0', ''] });
const brief = suite(() => ({ PARLOUR_ROOMS_PARTICIPANT_LIFE: '1500ms' }));

const lasting = suite();

const people = async (owner, room) => (await owner.get(`/rooms/${room}`)).body.participants;
const status = (fields = {}) => ({
  event: 'Session.connectionCreated', state: 'waiting', connections: 1, sendStreams: 2, recvStreams: '3', ...fields,
});
const WHO = [['Hawk', (anyone) => anyone.register()], ['anonymous', (anyone) => anyone]];

for (const [sort, make] of WHO) {
  it(`${sort}: an action is one of five`, async (anyone) => {
    const room = await (await anyone.register()).room();
    const who = await make(anyone);
    const text = 'action should be one of join, refresh, status, leave, logDomain';
    refused(await who.post(`/rooms/${room}`, {}), 400, errno.missing, text);
    for (const action of [null, 'Join', '', 3, ['join']]) {
      refused(await who.post(`/rooms/${room}`, { action }), 400, errno.invalid, text);
    }
    refused(await who.post('/rooms/AAAAAAAAAAE', {}), 404, errno.token, 'Token not found.');
  });

  it(`${sort}: a join lacks nothing and gives four members`, async (anyone) => {
    const owner = await anyone.register();
    const room = await owner.room();
    const who = await make(anyone);
    refused(await who.act(room, 'join'), 400, errno.missing, 'Missing: displayName, clientMaxSize');
    refused(await who.act(room, 'join', { displayName: 'x' }), 400, errno.missing, 'Missing: clientMaxSize');
    refused(await who.act(room, 'join', { displayName: 'x', clientMaxSize: 'x' }), 400, errno.invalid, 'clientMaxSize should be a number.');
    refused(await who.act(room, 'join', { displayName: {}, clientMaxSize: 2 }), 400, errno.invalid);
    refused(await who.act(room, 'join', { displayName: 'x', clientMaxSize: 0 }), 400, errno.capacity);
    const joined = await who.act(room, 'join', { displayName: 'x', clientMaxSize: '2' });
    assert.equal(joined.status, 200);
    assert.deepEqual(Object.keys(joined.body).sort(), ['apiKey', 'expires', 'sessionId', 'sessionToken']);
    for (const name of ['apiKey', 'sessionId', 'sessionToken']) assert.ok(joined.body[name] && typeof joined.body[name] === 'string');
    assert.equal(joined.body.expires, 300);
    assert.doesNotMatch(joined.body.sessionToken, /:/);
    assert.equal((await people(owner, room)).length, 1);
  });

  it(`${sort}: the clients' limits and the owner's seat are kept`, async (anyone) => {
    const owner = await anyone.register();
    const small = await owner.room({ maxSize: 3 });
    await owner.join(small, 5);
    refused(await (await make(anyone)).join(small, 1), 400, errno.capacity, 'Too many participants in the room for you to handle.');
    const limited = await owner.room({ maxSize: 3 });
    await owner.join(limited, 2);
    assert.equal((await (await make(anyone)).join(limited, 5)).status, 200);
    refused(await (await make(anyone)).join(limited, 5), 400, errno.full, 'The room is full.');
    const reserved = await owner.room({ maxSize: 2 });
    assert.equal((await (await make(anyone)).join(reserved)).status, 200);
    refused(await (await make(anyone)).join(reserved), 400, errno.full);
    assert.equal((await owner.join(reserved)).status, 200);
    assert.equal((await owner.join(reserved)).status, 200, 'the owner comes again');
  });
}

it('a participant has a name of any length that people write, whatever owners may be called', async (anyone) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const name = 'ü'.repeat(1_000);
  assert.equal((await owner.join(room, 5, name)).status, 200);
  assert.equal((await people(owner, room))[0].displayName, name);
  refused(await anyone.join(room, 5, `${name}x`), 400, errno.invalid, 'displayName should be shorter than 1000 characters');
});

it('a session that comes again takes its own place, one that is not there none', async (anyone) => {
  const [owner, other] = [await anyone.register(), await anyone.register()];
  const room = await owner.room();
  await owner.join(room);
  const first = await other.join(room);
  const second = await other.join(room);
  assert.notEqual(first.body.sessionToken, second.body.sessionToken);
  assert.equal((await people(owner, room)).length, 2);
  refused(await (await anyone.register()).act(room, 'refresh'), 410, errno.expired, 'Participation has expired.');
  refused(await (await anyone.register()).act(room, 'leave'), 400, errno.outside, 'Unable to leave a room you have not joined.');
});

it('joins and leaves move the times and tell both devices of the owner', async (anyone, { push }) => {
  const url = `/people-${Math.random()}`;
  const owner = await anyone.register({ rooms: push.origin + url });
  const room = await owner.room();
  const guest = await anyone.guest(room);
  assert.equal((await guest.act(room, 'refresh')).status, 200);
  assert.deepEqual((await guest.act(room, 'refresh')).body, { expires: 300 });
  assert.equal((await guest.act(room, 'status', status())).status, 204);
  const left = await guest.act(room, 'leave');
  assert.deepEqual([left.status, left.text], [204, '']);
  await until(() => push.at(url).length >= 3, 'creation, join and leave');
  assert.equal(push.at(url).length, 3);
  const full = (await owner.get(`/rooms/${room}`)).body;
  assert.deepEqual(full.participants, []);
  assert.equal(full.expiresAt, full.ctime + 1344 * 3600);
  refused(await guest.act(room, 'leave'), 401, errno.auth, 'Invalid token; it may have expired.');
});

it('a token in the body speaks for an absent header, and only for three actions', async (anyone) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const guest = await anyone.guest(room);
  const sessionToken = guest.basic;
  assert.equal((await anyone.act(room, 'refresh', { sessionToken })).status, 200);
  assert.equal((await anyone.act(room, 'status', { ...status(), sessionToken })).status, 204);
  for (const fields of [{}, { sessionToken: null }, { sessionToken: '' }]) {
    const reply = await anyone.act(room, 'refresh', fields);
    refused(reply, 401, errno.auth, 'Unauthorized');
    assert.equal(reply.headers['www-authenticate'], 'Token,Hawk');
    assert.ok(reply.headers.timestamp);
  }
  refused(await anyone.act(room, 'logDomain', { sessionToken, domains: [] }), 401, errno.auth);
  refused(await anyone.act(room, 'leave', { sessionToken: 'x' }), 401, errno.auth, 'Invalid token; it may have expired.');
  assert.equal((await anyone.act(room, 'leave', { sessionToken })).status, 204);
});

it('Basic is taken with and without colon, and refused in its own words', async (anyone, _, server) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const { basic } = await anyone.guest(room);
  const other = await owner.room();
  await anyone.guest(other);
  const get = (authorization, at = room) => raw(server, 'GET', `/v0/rooms/${at}`, { headers: { authorization } });
  const encoded = (text) => Buffer.from(text).toString('base64');
  for (const header of [`Basic ${encoded(`${basic}:`)}`, `Basic ${encoded(basic)}`, `bAsIc ${encoded(basic)}`]) {
    assert.equal((await get(header)).status, 200);
  }
  const wrong = 'Basic error="Invalid token; it may have expired."';
  for (const [header, challenge, at] of [
    [`Basic ${encoded(`${basic}:password`)}`, wrong],
    [`Basic ${encoded('nobody')}`, wrong],
    [`Basic ${encoded(basic)}`, wrong, other],
    ['Basic !!!', wrong],
    ['Basic', 'Basic'],
    ['Basic a b', 'Basic'],
    ['Bearer x', 'Basic,Hawk error="Unsupported"'],
    ['', 'Basic,Hawk error="Unsupported"'],
  ]) {
    const reply = await get(header, at);
    assert.deepEqual([reply.status, reply.headers['www-authenticate']], [401, challenge], header);
  }
  const { sessionToken } = (await owner.join(room)).body;
  assert.equal((await get(`Basic ${encoded(sessionToken)}`)).status, 401, 'of a session, no password');
});

it('a status is counted and not judged', async (anyone) => {
  const owner = await anyone.register();
  const room = await owner.room();
  refused(await owner.act(room, 'status', status()), 400, errno.outside, "Can't update status for a room you aren't in.");
  await owner.join(room);
  const good = await owner.act(room, 'status', status());
  assert.deepEqual([good.status, good.text], [204, '']);
  for (const odd of [{ event: 'sdk.exception.1', state: 'unheard of' }, { event: null, state: 3 }]) {
    assert.equal((await owner.act(room, 'status', status(odd))).status, 204);
  }
  const missing = ['event', 'state', 'connections', 'sendStreams', 'recvStreams'];
  for (const name of missing) {
    const fields = status();
    delete fields[name];
    refused(await owner.act(room, 'status', fields), 400, errno.invalid, `'${name}' field is missing in body.`);
  }
  refused(await owner.act(room, 'status'), 400, errno.invalid, "'event' field is missing in body.");
  for (const name of ['connections', 'sendStreams', 'recvStreams']) {
    for (const value of ['x', -1, null, '-1', {}]) {
      refused(await owner.act(room, 'status', status({ [name]: value })), 400, errno.invalid, `Invalid ${name} number.`);
    }
  }
  const { connections: _gone, ...example } = status();
  assert.equal((await owner.act(room, 'status', { ...example, sessions: 1 })).status, 204, 'the published example');
  refused(await owner.act(room, 'status', { ...example, sessions: -1 }), 400, errno.invalid, 'Invalid connections number.');
});

it('shared domains are a list of what and how often', async (anyone) => {
  const owner = await anyone.register();
  const room = await owner.room();
  const log = (domains) => owner.act(room, 'logDomain', { domains });
  refused(await log([{ domain: 'a.com', count: 1 }]), 400, errno.outside);
  await owner.join(room);
  assert.equal((await log([{ domain: 'a.com', count: 1 }, { domain: 'b.com', count: 2 }])).status, 204);
  assert.equal((await log([])).status, 204);
  refused(await owner.act(room, 'logDomain'), 400, errno.missing, 'Missing: domains');
  const text = 'Domains must be a list of objects with both a ``domain`` and ``count`` property.';
  for (const odd of [[{ domain: 'a.com' }], [{ count: 1 }], ['x'], [null], 'x', 3, null, {}]) {
    refused(await log(odd), 400, errno.invalid, text);
  }
});

brief('who does not refresh is gone without any request, and the owner is told', async (anyone, { push }) => {
  const url = `/late-${Math.random()}`;
  const owner = await anyone.register({ rooms: push.origin + url });
  const session = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const guest = await anyone.guest(room);
  assert.deepEqual((await session.join(room)).body.expires, 1.5);
  await until(() => push.at(url).length === 5, 'creation, two joins, two ends');
  assert.deepEqual(await people(owner, room), []);
  for (const action of ['join', 'refresh', 'status', 'leave', 'logDomain']) {
    refused(await guest.act(room, action), 401, errno.auth, 'Invalid token; it may have expired.');
  }
  refused(await session.act(room, 'refresh'), 410, errno.expired, 'Participation has expired.');
  refused(await session.act(room, 'leave'), 400, errno.outside);
  refused(await session.act(room, 'status', status()), 400, errno.outside);
  refused(await session.get(`/rooms/${room}`), 403, errno.undefined);
});

brief('a refresh keeps a participant in beyond its first time', async (anyone) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const guest = await anyone.guest(room);
  const joined = Date.now();
  while (Date.now() - joined < 2500) assert.equal((await guest.act(room, 'refresh')).status, 200);
  assert.equal((await people(owner, room)).length, 1);
});

lasting('a participant and all sessions outlive the process', async (anyone, _, server) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const guest = await anyone.guest(room);
  await owner.join(room);
  const before = await people(owner, room);
  await server.kill();
  await server.run();
  assert.deepEqual(await people(owner, room), before);
  assert.equal((await guest.act(room, 'refresh')).status, 200);
  assert.equal((await owner.act(room, 'leave')).status, 204);
});
