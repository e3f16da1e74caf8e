/** Publishing and asking for streams, as far as it goes without media (docs/protocols/galene.md §§3.6 to 3.9). */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Client, PEOPLE, keys, newId, suite } from './client.mjs';

const it = suite({ groups: { open: PEOPLE, av1: { ...PEOPLE, codecs: ['av1', 'g722'] } } });
const sdp = (name) => readFileSync(new URL(`../../testdata/sdp/${name}.sdp`, import.meta.url), 'utf8').replace(/\r?\n/g, '\r\n');
const CAMERA = sdp('chromium-camera');
const offer = (client, members) => client.send({ type: 'offer', source: client.id, username: client.username, kind: '', label: 'camera', ...members });

/** An abort for this stream and a soft error. */
async function aborts(client, id, text) {
  const m = await client.find((x) => x.type === 'abort');
  assert.deepEqual(keys(m), ['id', 'type']);
  assert.equal(m.id, id);
  const error = await client.told('error');
  assert.equal(error.privileged, true);
  if (text) assert.equal(error.value, text);
  await client.settle();
}

/** The sections of a description, the session's own first. */
const sections = (text) => text.split(/\r\n(?=m=)/);
async function publish(client, members = {}) {
  const id = newId();
  offer(client, { id, sdp: CAMERA, ...members });
  const answer = await client.find((m) => m.type === 'answer');
  assert.equal(answer.id, members.id ?? id);
  return answer;
}

it('an offer of a browser is answered', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  const answer = await publish(client);
  assert.deepEqual(keys(answer), ['id', 'sdp', 'type']);
  const [session, ...media] = sections(answer.sdp);
  assert.match(session, /^v=0\r\n/);
  assert.ok(answer.sdp.endsWith('\r\n'));
  assert.match(session, /\r\na=ice-lite(\r\n|$)/);
  assert.match(session, /\r\na=group:BUNDLE 0 1(\r\n|$)/);
  assert.equal(media.length, 2);
  assert.match(media[0], /^m=audio \d+ UDP\/TLS\/RTP\/SAVPF 111( |\r)/);
  assert.match(media[1], /^m=video \d+ UDP\/TLS\/RTP\/SAVPF 96( |\r)/);
  assert.match(media[0], /\r\na=rtpmap:111 opus\/48000\/2/);
  assert.match(media[1], /\r\na=rtpmap:96 VP8\/90000/);
  assert.match(media[1], /\r\na=rtcp-fb:96 nack pli/);
  assert.doesNotMatch(answer.sdp, /a=rtpmap:\d+ (VP9|H264|AV1|red|CN|telephone-event|PCMU|G722|ulpfec)/i);
  for (const [n, section] of media.entries()) {
    assert.match(section, new RegExp(`\\r\\na=mid:${n}(\\r\\n|$)`));
    assert.match(section, /\r\na=recvonly/);
    assert.match(section, /\r\na=rtcp-mux/);
    assert.match(section, /\r\nc=IN IP4 /);
    assert.match(section, /\r\na=setup:passive/);
    assert.doesNotMatch(section, /a=(ssrc|msid|sendrecv|sendonly)/);
  }
  assert.match(answer.sdp, /\r\na=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}/);
  assert.match(answer.sdp, /\r\na=ice-ufrag:\S{4,}/);
  assert.match(answer.sdp, /\r\na=ice-pwd:\S{22,}/);
  assert.match(answer.sdp, /\r\na=candidate:\S+ 1 udp \d+ \S+ \d+ typ host/i);
});

it('a section without a codec in common has port 0 and a c line', async (server) => {
  const client = await Client.enter(server, 'av1', { username: 'p' });
  const [, audio, video] = sections((await publish(client)).sdp);
  assert.match(audio, /^m=audio [1-9]\d* UDP\/TLS\/RTP\/SAVPF 9( |\r)/);
  assert.match(video, /^m=video [1-9]\d* UDP\/TLS\/RTP\/SAVPF 45( |\r)/);
  const client2 = await Client.enter(server, 'av1', { username: 'p' });
  const [, , none] = sections((await publish(client2, { sdp: CAMERA.replace('AV1/90000', 'XY1/90000') })).sdp);
  assert.match(none, /^m=video 0 /);
  assert.match(none, /\r\nc=IN IP4 /);
});

it('simulcast is mirrored', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  const { sdp: text } = await publish(client, { sdp: sdp('chromium-simulcast') });
  assert.match(text, /\r\na=rid:h recv/);
  assert.match(text, /\r\na=rid:l recv/);
  assert.match(text, /\r\na=simulcast:recv h;l/);
});

for (const name of ['chromium-audio-only', 'firefox-simulcast', 'whip-audio-video']) {
  it(`the offer ${name} is answered`, async (server) => {
    const client = await Client.enter(server, 'open', { username: 'p' });
    await publish(client, { sdp: sdp(name) });
    await client.settle();
  });
}

it('an offer with only line feeds is answered too', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  await publish(client, { sdp: CAMERA.replace(/\r/g, '') });
});

it('a client of 2021 publishes with labels', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p', version: null });
  const id = newId();
  client.send({ type: 'offer', id, kind: '', source: client.id, username: 'p', labels: { 0: 'audio', 1: 'video' }, sdp: CAMERA });
  const answer = await client.find((m) => m.type === 'answer');
  assert.equal(answer.id, id);
});

it('an offer without an id breaks the protocol', async (server) => {
  for (const id of ['', undefined]) {
    const client = await Client.enter(server, 'open', { username: 'p' });
    offer(client, { id, sdp: CAMERA });
    await client.endsSaying(1002, 'empty id');
  }
});

for (const [why, text] of [
  ['no description', undefined], ['an empty description', ''], ['nonsense', 'nonsense'], ['a description cut short', CAMERA.slice(0, 300)],
  ['no media', CAMERA.split('m=audio')[0]], ['no ice', CAMERA.replace(/a=ice-.*\r\n/g, '')], ['no fingerprint', CAMERA.replace(/a=fingerprint.*\r\n/g, '')],
  ['a description of 70 kB', `${CAMERA}${'a=x:yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(1500)}`],
  ['200 sections', CAMERA + CAMERA.slice(CAMERA.indexOf('m=audio'), CAMERA.indexOf('m=video')).replace(/a=mid:0/, 'a=mid:x').repeat(200)],
  ['NUL characters', CAMERA.replace('s=-', 's=\u0000')],
]) {
  it(`an offer with ${why} is aborted`, async (server) => {
    const client = await Client.enter(server, 'open', { username: 'p' });
    offer(client, { id: 'bad', sdp: text });
    await aborts(client, 'bad');
    await publish(client);
  });
}

it('a data channel is not supported', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  offer(client, { id: 'data', sdp: sdp('chromium-datachannel') });
  await aborts(client, 'data');
});

it('without present there is no publishing, and what was to be replaced is closed', async (server) => {
  const op = await Client.enter(server, 'open', { username: 'op', password: 'op' });
  const client = await Client.enter(server, 'open', { username: 'p' });
  const first = await publish(client);
  op.send({ type: 'useraction', kind: 'unpresent', source: op.id, username: 'op', dest: client.id });
  await aborts(client, first.id, 'permission denied');
  offer(client, { id: 'second', replace: first.id, sdp: CAMERA });
  await aborts(client, 'second', 'not authorised');
  const observer = await Client.enter(server, 'open', { username: 'msg', password: 'msg' });
  offer(observer, { id: 'third', sdp: CAMERA });
  await aborts(observer, 'third', 'not authorised');
  await observer.quiet();
});

it('without a group there is no publishing', async (server) => {
  const client = await Client.greet(server);
  client.send({ type: 'offer', id: 'x', label: 'camera', sdp: CAMERA });
  await aborts(client, 'x');
});

it('a known id is a renegotiation, and a replaced one is free', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  const { id } = await publish(client);
  const again = await publish(client, { id, kind: 'renegotiate' });
  assert.equal(again.id, id);
  const next = await publish(client, { replace: id });
  assert.notEqual(next.id, id);
  await publish(client, { replace: next.id });
  await client.quiet();
});

it('replacing what is not there, or somebody else\'s, does no harm', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  const b = await Client.enter(server, 'open', { username: 'b' });
  const { id } = await publish(a);
  await a.rest();
  offer(b, { id: newId(), replace: id, sdp: CAMERA });
  await b.find((m) => ['answer', 'abort'].includes(m.type));
  await a.quiet();
  await publish(a, { id, kind: 'renegotiate' });
  await publish(b, { replace: 'nothing' });
});

it('a stream id of somebody else is refused', async (server) => {
  const a = await Client.enter(server, 'open', { username: 'a' });
  const b = await Client.enter(server, 'open', { username: 'b' });
  const { id } = await publish(a);
  offer(b, { id, sdp: CAMERA });
  await aborts(b, id);
  await publish(a, { id });
});

it('closing ends a stream without an answer, and a close of nothing is ignored', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  const { id } = await publish(client);
  client.send({ type: 'close', id }, { type: 'close', id }, { type: 'close', id: 'nothing' }, { type: 'close' });
  await client.quiet();
  await publish(client, { id });
});

it('a stream that shows no media is announced to nobody', async (server) => {
  const watcher = await Client.enter(server, 'open', { username: 'w' });
  watcher.send({ type: 'request', request: { '': ['audio', 'video'] } });
  const client = await Client.enter(server, 'open', { username: 'p' });
  const { id } = await publish(client);
  client.send({ type: 'close', id });
  await client.close();
  assert.deepEqual((await watcher.rest()).map((m) => `${m.type} ${m.kind}`), ['user add', 'user delete']);
});

it('ice without a candidate breaks the protocol', async (server) => {
  for (const candidate of [null, undefined]) {
    const client = await Client.enter(server, 'open', { username: 'p' });
    const { id } = await publish(client);
    client.send({ type: 'ice', id, candidate });
    await client.endsSaying(1002, 'null candidate');
  }
});

it('candidates of every sort are taken, before the offer and for no stream too', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  const id = newId();
  const list = [
    'candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host generation 0', 'candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active',
    'candidate:1 1 udp 2113937151 0a1b.local 50000 typ host', 'candidate:2 1 udp 1 2001:db8::1 1 typ relay raddr :: rport 0', '', 'nonsense',
  ];
  const ice = (stream) => list.map((candidate) => ({ type: 'ice', id: stream, candidate: { candidate, sdpMid: '1', sdpMLineIndex: 1, usernameFragment: 'JZbF' } }));
  client.send(...ice(id));
  await publish(client, { id });
  client.send(...ice(id), ...ice('nothing'), { type: 'ice', id, candidate: { candidate: '', sdpMid: null, sdpMLineIndex: null, usernameFragment: null } });
  await client.quiet();
});

it('an answer to nothing is answered with close', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  client.send({ type: 'answer', id: 'nothing', sdp: CAMERA });
  const close = await client.find((m) => m.type === 'close');
  assert.deepEqual(keys(close), ['id', 'type']);
  assert.equal(close.id, 'nothing');
  await client.settle();
});

it('renegotiate, abort and requestStream of nothing do no harm', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  client.send({ type: 'renegotiate', id: 'nothing' }, { type: 'requestStream', id: 'nothing', request: ['audio'] }, { type: 'requestStream', id: 'nothing', request: null }, { type: 'requestStream', id: 'nothing' });
  await client.quiet();
  client.send({ type: 'abort', id: 'nothing' });
  await client.settle();
});

it('a request without a group ends the session with 1011', async (server) => {
  const client = await Client.greet(server);
  client.send({ type: 'request', request: { '': ['audio'] } });
  await client.ends(1011, '');
});

it('a request names what it likes', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  for (const request of [{}, { '': [] }, { camera: ['audio', 'hologram'], '': ['video-low', 'video-low'] }, { __proto__x: [] }, { x: null }, null]) client.send({ type: 'request', request });
  await client.quiet();
});

it('one client has no more streams than it may, and the session goes on', async (server) => {
  const client = await Client.enter(server, 'open', { username: 'p' });
  for (let n = 0; n < 16; n += 1) await publish(client);
  offer(client, { id: 'more', sdp: CAMERA });
  await aborts(client, 'more', 'too many streams');
});
