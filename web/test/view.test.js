import assert from 'node:assert/strict';
import test from 'node:test';
import { HOLD_MS, SPEAKING_FROM, listen, samePeople } from '../src/state/speaking.js';
import { emptyRoom } from '../src/state/room.js';
import { fitTiles } from '../src/view/layout.js';
import { initials, shownName, tone } from '../src/view/person.js';
import { FACES_MAX, planTiles } from '../src/view/tiles.js';

test('someone is speaking from a loud reading until a little after the last one', () => {
  let last = listen(new Map(), [['a', SPEAKING_FROM], ['b', 0]], 0);
  assert.deepEqual([...last.keys()], ['a']);
  last = listen(last, [['a', 0]], HOLD_MS - 1);
  assert.deepEqual([...last.keys()], ['a']);
  last = listen(last, [['a', 0]], HOLD_MS);
  assert.equal(last.size, 0);
  assert.ok(samePeople(new Set(['a']), new Set(['a'])) && !samePeople(new Set(['a']), new Set(['b'])));
});

test('tiles fit into the space and use much of it', () => {
  for (const count of [1, 2, 3, 4, 5, 7, 9, 16, 25, 49]) {
    for (const space of [{ width: 1280, height: 700 }, { width: 380, height: 600 }, { width: 700, height: 200 }]) {
      const { columns, width, height } = fitTiles(count, space, 10);
      const rows = Math.ceil(count / columns);
      assert.ok(columns * width + 10 * (columns - 1) <= space.width);
      assert.ok(rows * height + 10 * (rows - 1) <= space.height);
      assert.ok(width >= height && width <= height * 1.8, `${count}: ${width}x${height}`);
    }
  }
  assert.deepEqual(fitTiles(4, { width: 0, height: 0 }, 10), { columns: 1, width: 0, height: 0 });
});

test('faces have letters and a steady colour, also without a name', () => {
  assert.equal(initials('Ada Lovelace'), 'AL');
  assert.equal(initials('bob'), 'B');
  assert.equal(initials('  '), 'G');
  assert.equal(shownName(''), 'Guest');
  assert.equal(initials('🦊 fox'), '🦊F');
  assert.equal(tone('Ada'), tone('Ada'));
});

/** @param {string} id @param {object} [more] */
const person = (id, more = {}) => /** @type {any} */ ([id, { id, name: id, permissions: new Set(), hand: false, muted: false, cameraOff: false, ...more }]);
/** @param {string} id @param {string} source @param {string} [label] */
const stream = (id, source, label = 'camera') => /** @type {any} */ ([id, { id, direction: source === 'me' ? 'up' : 'down', label, source, name: source, audio: true, video: true, condition: 'connected' }]);

test('everyone has one tile, a shared screen has its own and is large', () => {
  const state = { ...emptyRoom('g', 'G'), id: 'me', people: new Map([person('me'), person('b'), person('c')]), streams: new Map([stream('s1', 'b'), stream('s2', 'b', 'screenshare')]) };
  const { tiles, rest } = planTiles(state, '');
  assert.deepEqual(tiles.map((tile) => tile.key), ['stream:s2', 'person:b', 'person:c', 'person:me']);
  assert.deepEqual(tiles.filter((tile) => tile.large).map((tile) => tile.key), ['stream:s2']);
  assert.equal(rest, 0);
});

test('a camera that is off shows a face, and a chosen tile is large', () => {
  const state = { ...emptyRoom('g', 'G'), id: 'me', people: new Map([person('b', { cameraOff: true })]), streams: new Map([stream('s1', 'b')]) };
  const { tiles } = planTiles(state, 'person:b');
  assert.equal(tiles[0]?.picture, false);
  assert.equal(tiles[0]?.large, true);
});

test('a full room shows so many faces and counts the rest, never the recorder', () => {
  const people = new Map([person('me'), person('rec', { permissions: new Set(['system']) }), ...Array.from({ length: 40 }, (_, i) => person(`p${i}`))]);
  const { tiles, rest } = planTiles({ ...emptyRoom('g', 'G'), id: 'me', people }, '');
  assert.equal(tiles.length, FACES_MAX);
  assert.equal(rest, 41 - FACES_MAX);
});
