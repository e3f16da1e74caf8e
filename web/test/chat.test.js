import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from '../src/wire/codec.js';
import { EMPTY_CHAT, LINES_MAX, clear, hear, read, readTyped, sayPrivately } from '../src/state/chat.js';

/** @param {object} fields */
const chat = (fields) => /** @type {any} */ (parse(JSON.stringify({ type: 'chat', source: 'b', username: 'bob', value: 'hi', ...fields })));

test('what is said while nobody reads is unread until it is read', () => {
  const state = hear(hear(EMPTY_CHAT, chat({ id: '1' }), false), chat({ id: '2' }), true);
  assert.equal(state.unread, 1);
  assert.equal(read(state).unread, 0);
});

test('history and our own words are never unread', () => {
  const mine = { ...EMPTY_CHAT, mine: new Set(['me']) };
  assert.equal(hear(mine, chat({ source: 'me' }), false).unread, 0);
  assert.equal(hear(mine, chat({ type: 'chathistory' }), false).unread, 0);
});

test('old lines go when there are too many', () => {
  let state = EMPTY_CHAT;
  for (let i = 0; i < LINES_MAX + 5; i += 1) state = hear(state, chat({ id: `c${i}` }), true);
  assert.equal(state.lines.length, LINES_MAX);
  assert.equal(new Set(state.lines.map((line) => line.key)).size, LINES_MAX);
});

test('clearing removes one line, one person or everything', () => {
  let state = EMPTY_CHAT;
  for (const [id, source] of [['1', 'a'], ['2', 'b'], ['3', 'b']]) state = hear(state, chat({ id, source }), true);
  assert.deepEqual(clear(state, new Map([['id', '2'], ['userId', 'b']])).lines.map((line) => line.id), ['1', '3']);
  assert.deepEqual(clear(state, new Map([['userId', 'b']])).lines.map((line) => line.id), ['1']);
  assert.deepEqual(clear(state, new Map()).lines, []);
});

test('our private words appear though the server does not echo them', () => {
  const state = sayPrivately(EMPTY_CHAT, { source: 'me', name: 'ada', to: 'bob', action: false, text: 'psst', time: 1 });
  assert.equal(state.lines[0]?.private && state.lines[0].mine, true);
});

test('captions stay out of the chat', () => {
  assert.equal(hear(EMPTY_CHAT, chat({ kind: 'caption' }), true), EMPTY_CHAT);
});

test('typed text is read as text or as what someone does', () => {
  assert.deepEqual(readTyped('  hello '), { kind: '', text: 'hello' });
  assert.deepEqual(readTyped('/me waves'), { kind: 'me', text: 'waves' });
  assert.deepEqual(readTyped('/etc/passwd'), { kind: '', text: '/etc/passwd' });
  assert.deepEqual(readTyped('//me'), { kind: '', text: '/me' });
});
