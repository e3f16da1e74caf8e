import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from '../src/wire/codec.js';
import { ANNOUNCED_MAX, announcements } from '../src/state/announce.js';
import { NOTICES_MAX, emptyRoom, judgeRefusal, reduceRoom } from '../src/state/room.js';

/** @typedef {import('../src/state/room.js').RoomState} RoomState */

/** @param {RoomState} state @param {...object} messages */
function hear(state, ...messages) {
  return messages.reduce((/** @type {RoomState} */ next, message) => reduceRoom(next, { type: 'message', message: parse(JSON.stringify(message)) }), state);
}

/** @param {string} id @param {string} source @param {object} [more] */
function down(id, source, more = {}) {
  return /** @type {any} */ ({ type: 'stream', replace: '', stream: { id, direction: 'down', label: 'camera', source, name: source, audio: true, video: true, condition: 'connected' }, ...more });
}

function inLab() {
  let state = emptyRoom('lab', 'Lab');
  state = reduceRoom(state, { type: 'joining' });
  state = reduceRoom(state, { type: 'opened', id: 'me' });
  return hear(state,
    { type: 'joined', kind: 'join', group: 'lab', username: 'ada', permissions: ['present', 'message'], status: { displayName: 'The Lab' } },
    { type: 'user', kind: 'add', id: 'me', username: 'ada', permissions: ['present'] },
    { type: 'user', kind: 'add', id: 'b', username: 'bob', data: { raisehand: true } });
}

test('joining fills the room with its title, our name and the people in it', () => {
  const state = inLab();
  assert.equal(state.phase, 'joined');
  assert.equal(state.title, 'The Lab');
  assert.deepEqual([...state.people.keys()], ['me', 'b']);
  assert.equal(state.people.get('b')?.hand, true);
});

test('a change replaces what is known of a person', () => {
  const state = hear(inLab(), { type: 'user', kind: 'change', id: 'b', username: 'bobby' });
  assert.deepEqual(state.people.get('b'), { id: 'b', name: 'bobby', permissions: new Set(), hand: false, muted: false, cameraOff: false });
});

test('whoever leaves takes their streams along', () => {
  let state = reduceRoom(inLab(), down('s', 'b'));
  state = hear(state, { type: 'user', kind: 'delete', id: 'b', username: 'bob' });
  assert.equal(state.people.has('b'), false);
  assert.equal(state.streams.size, 0);
});

test('a replacement takes the place of the stream it replaces', () => {
  let state = reduceRoom(inLab(), down('s1', 'b'));
  state = reduceRoom(state, down('s2', 'me'));
  state = reduceRoom(state, down('s3', 'b', { replace: 's1' }));
  assert.deepEqual([...state.streams.keys()], ['s3', 's2']);
});

test('a loss keeps the people in sight until we are back, and coming back starts afresh', () => {
  let state = reduceRoom(inLab(), down('s', 'b'));
  state = reduceRoom(state, { type: 'lost' });
  assert.equal(state.phase, 'returning');
  assert.equal(state.streams.size, 0);
  assert.equal(state.people.size, 2);
  state = reduceRoom(state, { type: 'waiting', retryAt: 5 });
  state = reduceRoom(state, { type: 'opened', id: 'me2' });
  state = hear(state, { type: 'joined', kind: 'join', group: 'lab', username: 'ada' });
  assert.equal(state.phase, 'joined');
  assert.equal(state.people.size, 0);
});

test('history heard again after coming back is not shown twice and ours stays ours', () => {
  const line = { type: 'chathistory', id: 'c1', source: 'me', username: 'ada', value: 'hello' };
  let state = hear(inLab(), { ...line, type: 'chat' });
  state = reduceRoom(state, { type: 'opened', id: 'me2' });
  state = hear(state, line, { type: 'chat', id: 'c2', source: 'me2', username: 'ada', value: 'back' });
  assert.deepEqual(state.chat.lines.map((item) => [item.text, item.mine]), [['hello', true], ['back', true]]);
});

test('a lost link before we were ever in leaves us at the door', () => {
  const state = reduceRoom(reduceRoom(emptyRoom('lab', 'Lab'), { type: 'joining' }), { type: 'lost' });
  assert.equal(state.phase, 'joining');
});

test('notices come only from the server or from those with the right, and are few', () => {
  let state = hear(inLab(), { type: 'usermessage', kind: 'warning', value: 'beware' });
  assert.equal(state.notices.length, 0);
  for (let i = 0; i < 9; i += 1) state = hear(state, { type: 'usermessage', kind: 'warning', privileged: true, value: `n${i}` });
  assert.equal(state.notices.length, NOTICES_MAX);
  assert.equal(state.notices.at(-1)?.text, 'N8.');
});

test('the same notice twice is shown once', () => {
  let state = inLab();
  for (let i = 0; i < 3; i += 1) state = reduceRoom(state, { type: 'notice', kind: 'info', text: 'again' });
  assert.equal(state.notices.length, 1);
});

const ATTEMPT = { wasIn: false, password: '', token: '' };

test('refusals ask for what is missing', () => {
  assert.equal(judgeRefusal({ error: '', value: 'not authorised' }, ATTEMPT).problem.needs, 'password');
  assert.match(judgeRefusal({ error: '', value: 'not authorised' }, ATTEMPT).problem.text, /needs a password/);
  assert.match(judgeRefusal({ error: '', value: 'not authorised' }, { ...ATTEMPT, password: 'x' }).problem.text, /wrong/);
  assert.match(judgeRefusal({ error: '', value: 'not authorised' }, { ...ATTEMPT, token: 'x' }).problem.text, /invitation/);
  assert.equal(judgeRefusal({ error: 'need-username', value: 'username required' }, ATTEMPT).problem.needs, 'username');
  assert.equal(judgeRefusal({ error: 'duplicate-username', value: 'not authorised: this username is taken' }, ATTEMPT).problem.needs, 'username');
  assert.equal(judgeRefusal({ error: '', value: 'this group is locked' }, ATTEMPT).problem.text, 'This group is locked.');
});

test('only a refusal that passes by itself is tried again, and only after a loss', () => {
  assert.equal(judgeRefusal({ error: '', value: 'too many users' }, { ...ATTEMPT, wasIn: true }).again, true);
  assert.equal(judgeRefusal({ error: '', value: 'too many users' }, ATTEMPT).again, false);
  assert.equal(judgeRefusal({ error: '', value: 'not authorised' }, { ...ATTEMPT, wasIn: true }).again, false);
});

test('a message about another room changes nothing', () => {
  const state = inLab();
  assert.equal(hear(state, { type: 'joined', kind: 'change', group: 'other', username: 'eve' }), state);
});

test('who comes, goes, writes or raises a hand is announced, but not who was there before us', () => {
  const state = inLab();
  const later = hear(state, { type: 'user', kind: 'add', id: 'c', username: 'cy' }, { type: 'chat', id: '1', source: 'b', username: 'bob', value: 'hi' });
  assert.deepEqual(announcements(state, later), ['cy came in.', 'bob writes: hi']);
  assert.deepEqual(announcements(later, hear(later, { type: 'user', kind: 'delete', id: 'c', username: 'cy' })), ['cy left.']);
  assert.deepEqual(announcements(later, hear(later, { type: 'user', kind: 'change', id: 'c', username: 'cy', data: { raisehand: true } })), ['cy raises a hand.']);
  assert.deepEqual(announcements(emptyRoom('lab', 'Lab'), state), ['You are in the call.']);
  const crowd = hear(state, ...Array.from({ length: 9 }, (_, i) => ({ type: 'user', kind: 'add', id: `x${i}`, username: `x${i}` })));
  assert.equal(announcements(state, crowd).length, ANNOUNCED_MAX + 1);
});
