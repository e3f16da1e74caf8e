/** One person by two doors: joined by REST, and with media at `/ws` (docs/protocols/rooms.md §4). */

import assert from 'node:assert/strict';
import { Client } from '../protocol/client.mjs';
import { suite } from './client.mjs';

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
