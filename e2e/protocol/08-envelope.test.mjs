/** Bad input, and what it costs (docs/protocols/galene.md §§2.4, 3.1). */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { Client, PEOPLE, suite } from './client.mjs';

const it = suite({ groups: { open: PEOPLE } });
const MIB = 1024 * 1024;

/** The connection ends with 1011, without words. */
async function breaks(client, code = 1011) {
  await client.ends(code, '');
  assert.ok(!client.inbox.some((m) => m.kind === 'error'), 'no words come first');
}

const WRONG = {
  type: [1, null, {}, []], version: ['2', 2, {}, [2]], kind: [1, [], {}], error: [1], id: [1, {}], replace: [1], source: [1], dest: [1, {}],
  username: [1, []], password: [1, {}], token: [1], privileged: ['x', 1], permissions: [5, 'op'], status: ['x', 1, []], data: ['x', []],
  group: [1, {}], noecho: ['x', 1], time: [{}, true, []], sdp: [1, {}], candidate: ['x', 5, []], label: [1, {}], labels: ['x', []],
  request: ['x', 5, true], rtcConfiguration: ['x', 5],
};
for (const [member, values] of Object.entries(WRONG)) {
  if (member === 'type') continue;
  it(`the member ${member} with a wrong type ends the session with 1011`, async (server) => {
    for (const value of values) {
      const client = await Client.enter(server, 'open', { username: 'a' });
      client.send({ type: 'ping', [member]: value });
      try {
        await breaks(client);
      } catch (error) {
        error.message += ` (${member} = ${JSON.stringify(value)})`;
        throw error;
      }
    }
  });
}

it('a type that is no text ends the session with 1011', async (server) => {
  for (const type of [1, {}, [], true]) {
    const client = await Client.greet(server);
    client.send({ type });
    await breaks(client);
  }
});

it('members inside request, candidate and labels have types too', async (server) => {
  for (const bad of [
    { type: 'request', request: { '': 'audio' } }, { type: 'request', request: { '': [1] } },
    { type: 'ice', id: 'x', candidate: { candidate: 5 } }, { type: 'ice', id: 'x', candidate: { candidate: '', sdpMLineIndex: 'x' } },
    { type: 'ice', id: 'x', candidate: { candidate: '', sdpMid: 5 } }, { type: 'offer', id: 'x', labels: { 0: 1 } },
  ]) {
    const client = await Client.enter(server, 'open', { username: 'a' });
    client.send(bad);
    try {
      await breaks(client);
    } catch (error) {
      error.message += ` (${JSON.stringify(bad)})`;
      throw error;
    }
  }
});

it('null is the same as absent, for every member', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'a' });
  const nulls = Object.fromEntries(Object.keys(WRONG).map((member) => [member, null]));
  client.send({ ...nulls, type: 'ping' });
  await client.find((m) => m.type === 'pong');
  client.send({ ...nulls, type: 'chat', value: 'x' });
  const got = await client.find((m) => m.type === 'chat');
  assert.equal(got.username, 'a');
});

it('null is the same as absent in handshake and join', async (server) => {
  const client = await Client.open(server);
  client.send({ type: 'handshake', id: 'nulls', version: null }, { type: 'join', kind: 'join', group: 'open', username: 'a', password: null, token: null, data: null });
  assert.equal((await client.find((m) => m.type === 'joined')).kind, 'join');
});

it('members that nobody knows are ignored', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.send({ type: 'ping', TYPE: 5, Kind: 5, unheard: { deep: [1, { of: 'it' }] }, '': 0, constructor: 1, toString: 2 });
  await client.find((m) => m.type === 'pong');
});

for (const type of ['nonsense', '', 'Ping', 'joined', 'user', 'chathistory', undefined]) {
  it(`the type ${JSON.stringify(type)} is unexpected`, async (server) => {
    const client = await Client.enter(server, 'open', { username: 'a' });
    client.send({ type });
    await client.endsSaying(1002, 'unexpected message');
  });
}

it('the source of somebody else is a lie', async (server) => {
  for (const type of ['chat', 'ping', 'join', 'nonsense']) {
    const client = await Client.greet(server);
    client.send({ type, source: 'another' });
    await client.endsSaying(1002, 'spoofed client id');
  }
});

it('the name of somebody else is a lie, except when joining', async (server) => {
  for (const type of ['chat', 'ping', 'request']) {
    const client = await Client.enter(server, 'open', { username: 'a' });
    client.send({ type, username: 'b' });
    await client.endsSaying(1002, 'spoofed username');
  }
  const empty = await Client.enter(server, 'open', { username: 'a' });
  empty.send({ type: 'chat', username: '', value: 'x' });
  await empty.endsSaying(1002, 'spoofed username');
});

it('an empty source is the same as none', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.send({ type: 'ping', source: '' });
  await client.find((m) => m.type === 'pong');
});

it('before the join one has no name', async (server) => {
  const client = await Client.greet(server);
  client.send({ type: 'ping', username: 'a' });
  await client.endsSaying(1002, 'spoofed username');
});

for (const text of [
  '', ' ', '{', '}', 'null and void', '[]', '5', '"ping"', '{"type":"ping"}{"type":"ping"}', '{"type":"ping"} x', "{'type':'ping'}",
  '{"type":"ping",}', '{"type":"pi\nng"}', '{"type":"\\x"}', '{"type":"\\ud800"', '{"type":"ping","value":NaN}', '{"type":"ping","value":01}', '\ufeff{"type":"ping"}',
]) {
  it(`the text ${JSON.stringify(text)} ends the session with 1011`, async (server) => {
    const client = await Client.greet(server);
    client.sendText(text);
    await breaks(client);
  });
}

it('white space around a message does no harm', async (server) => {
  const client = await Client.greet(server);
  client.sendText(' \r\n\t{ "type" : "ping" }\n ');
  await client.find((m) => m.type === 'pong');
});

it('a message in pieces is one message', async (server) => {
  const client = await Client.greet(server);
  client.socket.send('{"type"', { fin: false });
  client.socket.send(':"pi', { fin: false });
  client.socket.send('ng"}', { fin: true });
  await client.find((m) => m.type === 'pong');
});

it('a control ping is answered by a control pong', async (server) => {
  const client = await Client.greet(server);
  const pong = new Promise((resolve) => client.socket.once('pong', (data) => resolve(data.toString())));
  client.socket.ping('abc');
  assert.equal(await pong, 'abc');
});

it('a message of exactly one mebibyte is read, one byte more is too large', async (server) => {
  const filled = (bytes) => {
    const text = '{"type":"ping","unheard":""}';
    return text.replace('""', `"${'x'.repeat(bytes - text.length)}"`);
  };
  const client = await Client.greet(server);
  client.sendText(filled(MIB));
  await client.find((m) => m.type === 'pong');
  client.sendText(filled(MIB + 1));
  await breaks(client, 1009);
});

it('pieces count together towards the limit', async (server) => {
  const client = await Client.greet(server);
  for (let piece = 0; piece < 5; piece += 1) client.socket.send('x'.repeat(MIB / 4), { fin: false });
  await breaks(client, 1009);
});

it('a binary frame breaks the protocol', async (server) => {
  const client = await Client.greet(server);
  client.socket.send(Buffer.from('{"type":"ping"}'), { binary: true });
  await client.ends(1002);
});

it('text that is not UTF-8 is refused', async (server) => {
  const client = await Client.greet(server);
  client.socket.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false });
  const { code } = await client.closed;
  assert.ok(code === 1007 || code === 1011, `${code}`);
});

it('deep, wide and repeated JSON is refused, and nobody else notices', async (server) => {
  const neighbour = await Client.enter(server, 'open', { username: 'n' });
  for (const text of [
    '['.repeat(200_000), `{"type":"ping","value":${'['.repeat(5000)}${']'.repeat(5000)}}`, `{"type":"ping","value":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
    `{"type":"chat","value":[${'1,'.repeat(300_000)}1]}`, '{"type":"ping","type":"pong"}',
  ]) {
    const client = await Client.enter(server, 'open', { username: 'a' });
    client.sendText(text);
    await breaks(client);
  }
  await neighbour.settle();
});

it('what is no WebSocket frame closes that connection only', async (server) => {
  const neighbour = await Client.enter(server, 'open', { username: 'n' });
  const client = await Client.greet(server);
  client.socket._socket.write(Buffer.alloc(32, 0xf3));
  const { code } = await client.closed;
  assert.ok([1002, 1006].includes(code), `${code}`);
  await neighbour.settle();
});

it('bytes that are no HTTP are refused', async (server) => {
  const answer = await new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write('\x16\x03\x01 nonsense\r\n\r\n'));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', () => {});
  });
  assert.match(answer, /^(HTTP\/1\.1 400|$)/);
});

it('after a fatal error nothing more is done', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.send({ type: 'nonsense' }, { type: 'chat', kind: '', dest: '', value: 'too late' });
  await client.endsSaying(1002, 'unexpected message');
  await watcher.find((m) => m.kind === 'delete' && m.id === client.id);
  assert.ok(!(await watcher.rest()).some((m) => m.value === 'too late'));
});

it('a close of the client is answered in kind', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.socket.close(1000, 'Close requested by client');
  const { code } = await client.closed;
  assert.equal(code, 1000);
});

it('a text too large for the room is refused softly', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'a' });
  client.send({ type: 'chat', value: 'x'.repeat(600_000) });
  await client.told('error');
  await client.settle();
});
