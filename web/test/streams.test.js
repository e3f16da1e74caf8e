import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';
import { DISTURBED_MS, HEAL_AGAIN_MS } from '../src/media/peer.js';
import { Streams } from '../src/media/streams.js';
import { FakePeerConnection, FakeTrack, install, settle } from './fakes.js';

beforeEach(install);

/** Streams of a visit, with everything they send and report. */
function visit() {
  /** @type {any[]} */
  const sent = [];
  /** @type {any[]} */
  const events = [];
  const streams = new Streams({ id: 'me', username: 'ada', rtc: {} }, (message) => sent.push(message), (event) => events.push(event));
  return { streams, sent, events, types: () => sent.map((message) => message.type) };
}

/** @param {...('audio' | 'video')} kinds */
const tracks = (...kinds) => /** @type {any} */ (kinds.map((kind) => ({ track: new FakeTrack(kind), encodings: [{}] })));
const pc = (index = 0) => /** @type {FakePeerConnection} */ (FakePeerConnection.all[index]);
/** @param {string} id @param {object} [more] */
const offer = (id, more = {}) => /** @type {any} */ ({ type: 'offer', id, label: 'camera', replace: '', source: 'b', username: 'bob', sdp: 'their offer', ...more });
/** @param {string} id @param {string} text */
const ice = (id, text) => /** @type {any} */ ({ type: 'ice', id, candidate: { candidate: text } });

test('publishing offers once and says what kind of stream it is', async () => {
  const { streams, sent, events } = visit();
  const id = streams.publish('camera', tracks('audio', 'video'));
  await settle();
  assert.deepEqual(sent, [{ type: 'offer', id, kind: '', label: 'camera', source: 'me', username: 'ada', sdp: 'offer 1' }]);
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(events[0].stream.audio && events[0].stream.video, true);
});

test('candidates wait for their description', async () => {
  const { streams } = visit();
  const id = streams.publish('camera', tracks('audio'));
  streams.handle(ice(id, 'early'));
  await settle();
  streams.handle({ type: 'answer', id, sdp: 'x' });
  streams.handle(ice(id, 'late'));
  await settle();
  assert.deepEqual(pc().log, ['local offer', 'remote answer', 'candidate early', 'candidate late']);
});

test('the end of our candidates is not told', async () => {
  const { streams, types } = visit();
  streams.publish('camera', tracks('audio'));
  await settle();
  pc().onicecandidate({ candidate: null });
  pc().onicecandidate({ candidate: { candidate: '', toJSON: () => ({}) } });
  pc().onicecandidate({ candidate: { candidate: 'c', toJSON: () => ({ candidate: 'c' }) } });
  assert.deepEqual(types(), ['offer', 'ice']);
});

test('a wish to renegotiate waits for the outstanding answer and restarts the path once', async () => {
  const { streams, sent } = visit();
  const id = streams.publish('camera', tracks('audio'));
  await settle();
  streams.handle({ type: 'renegotiate', id });
  streams.handle({ type: 'renegotiate', id });
  await settle();
  assert.equal(sent.length, 1);
  streams.handle({ type: 'answer', id, sdp: 'x' });
  await settle();
  assert.equal(sent.length, 2);
  assert.equal(sent[1].kind, 'renegotiate');
  assert.equal(pc().log.filter((entry) => entry === 'restart').length, 1);
});

test('a failed way up is repaired with a new offer, also when an answer was lost', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { streams, sent, events } = visit();
  const id = streams.publish('camera', tracks('audio'));
  await settle();
  streams.handle({ type: 'answer', id, sdp: 'x' });
  await settle();
  pc().become('failed');
  await settle();
  assert.equal(sent.length, 2);
  assert.ok(events.some((event) => event.type === 'stream-condition' && event.condition === 'failed'));
  context.mock.timers.tick(HEAL_AGAIN_MS);
  await settle();
  assert.equal(sent.length, 3);
  assert.ok(pc().log.includes('local rollback'));
  streams.closeAll();
});

test('a disturbed way down is given a moment, then a new path is asked for', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { streams, sent, types } = visit();
  streams.handle(offer('s'));
  await settle();
  pc().become('disconnected');
  context.mock.timers.tick(DISTURBED_MS - 1);
  assert.deepEqual(types(), ['answer']);
  pc().become('connected');
  pc().become('disconnected');
  context.mock.timers.tick(DISTURBED_MS);
  assert.deepEqual(sent.at(-1), { type: 'renegotiate', id: 's' });
  streams.closeAll();
});

test('an offered stream is answered and shown with what it carries', async () => {
  const { streams, sent, events } = visit();
  streams.handle(offer('s'));
  await settle();
  assert.deepEqual(sent, [{ type: 'answer', id: 's', sdp: 'our answer' }]);
  assert.deepEqual([events.at(-1).stream.audio, events.at(-1).stream.video, events.at(-1).stream.name], [true, true, 'bob']);
  assert.equal(streams.mediaOf('s')?.getTracks().length, 2);
});

test('an offer for a stream we know renegotiates it on the same connection', async () => {
  const { streams, types } = visit();
  streams.handle(offer('s'));
  streams.handle(offer('s'));
  await settle();
  assert.equal(FakePeerConnection.all.length, 1);
  assert.deepEqual(types(), ['answer', 'answer']);
});

test('a track that was taken away leaves the picture', async () => {
  const { streams, events } = visit();
  streams.handle(offer('s'));
  await settle();
  pc().transceivers[1].currentDirection = 'inactive';
  streams.handle(offer('s'));
  await settle();
  assert.equal(events.at(-1).stream.video, false);
});

test('a replacement ends the old stream without a word', async () => {
  const { streams, types, events } = visit();
  streams.handle(offer('s1'));
  streams.handle(offer('s2', { replace: 's1' }));
  await settle();
  assert.ok(pc(0).log.includes('close'));
  assert.deepEqual(types(), ['answer']);
  assert.ok(events.some((event) => event.type === 'stream' && event.replace === 's1'));
});

test('our own replacement names the old stream once and does not close it with a message', async () => {
  const { streams, sent } = visit();
  const old = streams.publish('camera', tracks('audio'));
  const next = streams.publish('camera', tracks('audio', 'video'), old);
  await settle();
  const offers = sent.filter((message) => message.type === 'offer' && message.id === next);
  assert.equal(offers[0].replace, old);
  assert.ok(!sent.some((message) => message.type === 'close'));
});

test('an aborted stream of ours is closed and the server told', async () => {
  const { streams, sent, events } = visit();
  const id = streams.publish('camera', tracks('audio'));
  await settle();
  streams.handle({ type: 'abort', id });
  assert.deepEqual(sent.at(-1), { type: 'close', id });
  assert.deepEqual(events.at(-1), { type: 'stream-gone', id });
});

test('a description that cannot be used ends that stream only', async () => {
  const { streams, sent, events } = visit();
  const { warn } = console;
  console.warn = () => {};
  streams.handle(offer('bad', { sdp: 'broken' }));
  streams.handle(offer('good'));
  await settle();
  console.warn = warn;
  assert.ok(sent.some((message) => message.type === 'abort' && message.id === 'bad'));
  assert.ok(events.some((event) => event.type === 'stream-gone' && event.id === 'bad'));
  assert.ok(sent.some((message) => message.type === 'answer' && message.id === 'good'));
});

test('whoever leaves is no longer received', async () => {
  const { streams, events } = visit();
  streams.handle(offer('s'));
  await settle();
  streams.handle(/** @type {any} */ ({ type: 'user', kind: 'delete', id: 'b', username: 'bob', permissions: [], data: new Map() }));
  assert.deepEqual(events.at(-1), { type: 'stream-gone', id: 's' });
  assert.equal(streams.list().length, 0);
});

test('messages about unknown streams are let pass', async () => {
  const { streams, sent, events } = visit();
  for (const type of /** @type {const} */ (['close', 'abort', 'renegotiate'])) streams.handle({ type, id: 'ghost' });
  streams.handle({ type: 'answer', id: 'ghost', sdp: '' });
  streams.handle(ice('ghost', 'c'));
  await settle();
  assert.deepEqual([sent, events], [[], []]);
});

test('the end of a visit closes everything without a word', async () => {
  const { streams, types } = visit();
  streams.publish('camera', tracks('audio'));
  streams.handle(offer('s'));
  await settle();
  streams.closeAll();
  assert.ok(FakePeerConnection.all.every((item) => item.log.includes('close')));
  assert.deepEqual(types(), ['offer', 'answer']);
});
