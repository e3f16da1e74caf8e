/** One person by two doors: joined by REST, and with media at `/ws` (docs/protocols/rooms.md §4). */

import assert from 'node:assert/strict';
import { Client } from '../protocol/client.mjs';
import { freePort } from '../lib/server.mjs';
import { raw, suite } from './client.mjs';

const it = suite(() => ({ PARLOUR_ROOMS_SIZE_MAX: '5' }));

const people = async (owner, room) => (await owner.get(`/rooms/${room}`)).body.participants;

/** Opens media with the token of a join. */
async function media(server, token, group = '') {
  const client = await Client.greet(server);
  client.send({ type: 'join', kind: 'join', group, username: '', token });
  const joined = await client.find((m) => m.type === 'joined');
  return { client, joined };
}

it('the token of a join opens media for the same participant', async (anyone, _, server) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const guest = await anyone.guest(room);
  const { sessionToken } = (await owner.join(room, 5, 'Ada')).body;
  const before = await people(owner, room);
  const one = await media(server, guest.basic);
  assert.equal(one.joined.kind, 'join', JSON.stringify(one.joined));
  const two = await media(server, sessionToken);
  assert.equal(two.joined.kind, 'join');
  const { sessionId, sessionToken: third } = (await anyone.join(room, 5, 'Eve')).body;
  const named = await media(server, third, sessionId);
  assert.equal(named.joined.kind, 'join', 'the session is named');
  assert.equal((await anyone.with({ basic: third }).act(room, 'leave')).status, 204);
  named.client.socket.close();
  await one.client.find((m) => m.type === 'user' && m.kind === 'add' && m.username === 'Ada');
  assert.deepEqual((await people(owner, room)).map((it) => it.roomConnectionId).sort(), before.map((it) => it.roomConnectionId).sort());
  assert.equal((await guest.act(room, 'leave')).status, 204);
  await two.client.find((m) => m.type === 'user' && m.kind === 'delete', 'the end of its media');
  assert.equal((await people(owner, room)).length, 1);
  two.client.socket.close();
});

it('a token of another room, an old one and a touched one open nothing', async (anyone, _, server) => {
  const owner = await anyone.register();
  const room = await owner.room({ maxSize: 5 });
  const first = (await owner.join(room)).body.sessionToken;
  const second = (await owner.join(room)).body.sessionToken;
  for (const token of [first, `${second}x`, second.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))]) {
    const { client, joined } = await media(server, token);
    assert.equal(joined.kind, 'fail', JSON.stringify(joined));
    client.socket.close();
  }
  await owner.ask('DELETE', `/rooms/${room}`);
  const { client, joined } = await media(server, second);
  assert.equal(joined.kind, 'fail');
  client.socket.close();
});

let ops;
const watched = suite(async () => {
  ops = { port: await freePort() };
  return { PARLOUR_OPS_LISTEN: `127.0.0.1:${ops.port}` };
});

watched('what a client reports and the media side does not see is counted', async (anyone) => {
  const figure = async (name) => {
    const { text } = await raw(ops, 'GET', '/metrics');
    return Number(new RegExp(`^${name}(?:_total)? (\\d+)`, 'm').exec(text)?.[1]);
  };
  const room = await (await anyone.register()).room();
  const guest = await anyone.guest(room);
  const says = (state, connections, sendStreams, recvStreams) => guest.act(room, 'status', { event: 'Session.connectionCreated', state, connections, sendStreams, recvStreams });
  const before = await figure('parlour_rooms_reports_not_seen');
  assert.equal((await says('waiting', 1, 0, 0)).status, 204);
  assert.equal((await says('sending', 2, 1, 0)).status, 204);
  assert.equal((await says('unheard', 0, 0, 0)).status, 204, 'nobody knows what it says');
  assert.equal(await figure('parlour_rooms_reports_not_seen'), before + 2);
  assert.equal(await figure('parlour_rooms_reports_inconsistent'), 1);
  const report = JSON.parse((await raw(ops, 'GET', `/rooms/${room}`)).text);
  assert.deepEqual([report.notSeenByMedia, report.inconsistent], [2, 1]);
  assert.equal(await figure('parlour_rooms_unauthorized'), 0);
  assert.equal((await anyone.get('/rooms')).status, 401);
  assert.equal((await (await anyone.register()).get(`/rooms/${room}`)).status, 403);
  assert.equal(await figure('parlour_rooms_unauthorized'), 1);
});
