import assert from 'node:assert/strict';
import test from 'node:test';
import { FRAME_CHARS_MAX, WireError, encode, parse } from '../src/wire/codec.js';

test('a joined message has every member even when the server left them out', () => {
  assert.deepEqual(parse('{"type":"joined","kind":"join","group":"lab","username":"ada"}'), {
    type: 'joined', kind: 'join', group: 'lab', username: 'ada', permissions: [],
    status: { displayName: '', locked: false }, rtc: {}, error: '', value: '',
  });
});

test('permissions may be a list or an object of booleans', () => {
  const list = parse('{"type":"user","kind":"add","id":"a","permissions":["op","present",7]}');
  const object = parse('{"type":"user","kind":"add","id":"a","permissions":{"op":true,"present":false}}');
  assert.deepEqual(list.type === 'user' && list.permissions, ['op', 'present']);
  assert.deepEqual(object.type === 'user' && object.permissions, ['op']);
});

test('attributes of others become a map, so that no name of theirs is special', () => {
  const message = parse('{"type":"user","kind":"add","id":"a","data":{"__proto__":{"x":1},"raisehand":true}}');
  assert.ok(message.type === 'user' && message.data instanceof Map);
  assert.equal(message.data.get('raisehand'), true);
  assert.equal(/** @type {any} */ ({}).x, undefined);
});

test('time may be text or milliseconds', () => {
  const text = parse('{"type":"chat","value":"x","time":"2026-07-01T10:00:00Z"}');
  const number = parse('{"type":"chathistory","value":"x","time":1782900000000}');
  assert.equal(text.type === 'chat' && text.time, 1782900000000);
  assert.equal(number.type === 'chat' && number.time, 1782900000000);
  assert.ok(number.type === 'chat' && number.history && text.type === 'chat' && !text.history);
});

test('what is no message is refused and what is unknown is named', () => {
  for (const bad of ['', 'x', '[]', '7', 'null', '{"type":7}', '{"type":"ice","id":"a"}', '{"type":"offer"}', '{"type":"joined","kind":"later"}']) {
    assert.throws(() => parse(bad), WireError, bad);
  }
  assert.throws(() => parse(new ArrayBuffer(1)), WireError);
  assert.throws(() => parse(' '.repeat(FRAME_CHARS_MAX + 1)), WireError);
  assert.deepEqual(parse('{"type":"tomorrow"}'), { type: 'unknown', name: 'tomorrow' });
  assert.deepEqual(parse('{}'), { type: 'unknown', name: '' });
});

test('a candidate keeps only what a browser understands', () => {
  assert.deepEqual(parse('{"type":"ice","id":"s","candidate":{"candidate":"c","sdpMid":"0","sdpMLineIndex":0,"more":1}}'), {
    type: 'ice', id: 's', candidate: { candidate: 'c', sdpMid: '0', sdpMLineIndex: 0 },
  });
});

test('messages are written as one json object', () => {
  assert.equal(encode({ type: 'ping' }), '{"type":"ping"}');
});
