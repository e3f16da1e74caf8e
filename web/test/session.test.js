import assert from 'node:assert/strict';
import test from 'node:test';
import { NOTHING, OUTSIDE, after, eventsBetween, factsOf } from '../src/state/session.js';
import { emptyRoom } from '../src/state/room.js';

/** @typedef {import('../src/state/session.js').SessionEvent} SessionEvent */
/** @typedef {import('../src/state/session.js').SessionState} SessionState */

const CONNECTED = 'Session.connectionCreated';
const DISCONNECTED = 'Session.connectionDestroyed';
const RECEIVES = 'Session.streamCreated';
const RECEIVES_NOT = 'Session.streamDestroyed';
const SENDS = 'Publisher.streamCreated';
const SENDS_NOT = 'Publisher.streamDestroyed';
/** @type {SessionEvent[]} */
const EVENTS = [CONNECTED, DISCONNECTED, RECEIVES, RECEIVES_NOT, SENDS, SENDS_NOT];
/** @type {SessionState[]} */
const STATES = ['init', 'waiting', 'starting', 'sending', 'receiving', 'sendrecv', 'cleanup'];

/** @param {SessionState} state @param {number} connections @param {number} sendStreams @param {number} recvStreams */
function at(state, connections, sendStreams, recvStreams) {
  return { state, connections, sendStreams, recvStreams };
}

/** The counters of a usual moment in each state, with two people. */
const USUAL = new Map(/** @type {[SessionState, ReturnType<typeof at>][]} */ ([
  ['init', at('init', 0, 0, 0)], ['waiting', at('waiting', 1, 0, 0)], ['starting', at('starting', 2, 0, 0)],
  ['sending', at('sending', 2, 1, 0)], ['receiving', at('receiving', 2, 0, 1)], ['sendrecv', at('sendrecv', 2, 1, 1)],
  ['cleanup', at('cleanup', 2, 0, 0)],
]));

/** Every cell of the table for two people: from each state, what each event leads to. */
const TABLE = /** @type {Record<SessionState, Record<string, SessionState>>} */ ({
  init: { [CONNECTED]: 'waiting' },
  waiting: { [CONNECTED]: 'starting', [DISCONNECTED]: 'init' },
  starting: { [RECEIVES]: 'receiving', [SENDS]: 'sending', [DISCONNECTED]: 'waiting' },
  sending: { [RECEIVES]: 'sendrecv', [SENDS_NOT]: 'cleanup', [DISCONNECTED]: 'waiting' },
  receiving: { [SENDS]: 'sendrecv', [RECEIVES_NOT]: 'cleanup', [DISCONNECTED]: 'waiting' },
  sendrecv: { [SENDS_NOT]: 'receiving', [RECEIVES_NOT]: 'sending', [DISCONNECTED]: 'waiting' },
  cleanup: { [RECEIVES]: 'receiving', [SENDS]: 'sending', [DISCONNECTED]: 'waiting' },
});

for (const state of STATES) {
  for (const event of EVENTS) {
    const to = TABLE[state][event] ?? state;
    test(`${state}, ${event}: ${to === state ? 'unchanged' : to}`, () => {
      const from = USUAL.get(state);
      assert.ok(from);
      assert.equal(after(from, event).state, to);
    });
  }
}

test('a stream that ends while another of its kind goes on changes the counter only', () => {
  assert.deepEqual(after(at('sendrecv', 2, 2, 1), SENDS_NOT), at('sendrecv', 2, 1, 1));
  assert.deepEqual(after(at('sendrecv', 2, 1, 3), RECEIVES_NOT), at('sendrecv', 2, 1, 2));
  assert.deepEqual(after(at('sending', 2, 2, 0), SENDS_NOT), at('sending', 2, 1, 0));
  assert.deepEqual(after(at('receiving', 2, 0, 2), RECEIVES_NOT), at('receiving', 2, 0, 1));
});

test('a third person who comes or goes changes the counter only', () => {
  for (const state of STATES.slice(2)) {
    const from = USUAL.get(state) ?? OUTSIDE;
    assert.deepEqual(after(from, CONNECTED), { ...from, connections: 3 });
    assert.deepEqual(after({ ...from, connections: 3 }, DISCONNECTED), from);
  }
});

test('publishing while alone is counted and does not move the state', () => {
  const alone = after(at('waiting', 1, 0, 0), SENDS);
  assert.deepEqual(alone, at('waiting', 1, 1, 0));
  assert.deepEqual(after(alone, CONNECTED), at('starting', 2, 1, 0));
});

test('no counter goes below zero', () => {
  for (const event of [DISCONNECTED, RECEIVES_NOT, SENDS_NOT]) assert.deepEqual(after(OUTSIDE, /** @type {SessionEvent} */ (event)), OUTSIDE);
});

test('whatever happens, counters and state agree as far as they can be compared', () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  let facts = { inside: false, peers: new Set(), sent: new Set(), received: new Set() };
  let session = OUTSIDE;
  for (let step = 0; step < 5_000; step += 1) {
    const inside = random() < 0.9;
    const some = (/** @type {number} */ most) => new Set(Array.from({ length: inside ? Math.floor(random() * (most + 1)) : 0 }, (_, index) => `${index}`));
    const peers = some(3);
    const next = { inside, peers, sent: peers.size ? some(2) : new Set(), received: peers.size ? some(3) : new Set() };
    for (const event of eventsBetween(facts, next)) session = after(session, event);
    facts = next;
    const { state, connections, sendStreams, recvStreams } = session;
    assert.deepEqual([connections, sendStreams, recvStreams], [inside ? 1 + peers.size : 0, next.sent.size, next.received.size]);
    const possible = connections === 0 ? ['init'] : connections === 1 ? ['waiting']
      : sendStreams && recvStreams ? ['sendrecv'] : sendStreams ? ['sending'] : recvStreams ? ['receiving'] : ['starting', 'cleanup'];
    assert.ok(possible.includes(state), `step ${step}: ${JSON.stringify(session)}`);
  }
});

/** @param {Partial<import('../src/state/room.js').RoomState>} more */
function room(more) {
  return { ...emptyRoom('', 'x'), id: 'me', phase: /** @type {const} */ ('joined'), ...more };
}

/** @param {string} id @param {'up' | 'down'} direction @param {object} [more] */
function stream(id, direction, more = {}) {
  return /** @type {[string, any]} */ ([id, { id, direction, label: 'camera', source: 'x', name: '', audio: true, video: true, condition: 'connected', flowing: true, ...more }]);
}

/** @param {string[]} ids */
function people(...ids) {
  return new Map(ids.map((id) => [id, /** @type {any} */ ({ id })]));
}

test('facts: we are inside once joined, others are peers, media counts when it flows', () => {
  assert.deepEqual(factsOf(room({ phase: 'joining' })), NOTHING);
  assert.deepEqual(factsOf(room({ people: people('me') })), { inside: true, peers: new Set(), sent: new Set(), received: new Set() });
  const streams = new Map([stream('u', 'up'), stream('v', 'up', { condition: 'connecting' }), stream('d', 'down'), stream('e', 'down', { flowing: false })]);
  assert.deepEqual(factsOf(room({ people: people('me', 'b'), streams })), { inside: true, peers: new Set(['b']), sent: new Set(['u']), received: new Set(['d']) });
});

test('facts: nothing is sent to nobody', () => {
  const alone = factsOf(room({ people: people('me'), streams: new Map([stream('u', 'up')]) }));
  assert.equal(alone.sent.size, 0);
});

test('a whole visit goes from init over sendrecv and cleanup to init', () => {
  const moments = [
    room({ people: people('me') }),
    room({ people: people('me'), streams: new Map([stream('u', 'up')]) }),
    room({ people: people('me', 'b'), streams: new Map([stream('u', 'up')]) }),
    room({ people: people('me', 'b'), streams: new Map([stream('u', 'up'), stream('d', 'down')]) }),
    room({ phase: 'left' }),
  ];
  let facts = NOTHING;
  let session = OUTSIDE;
  /** @type {string[]} */
  const states = [session.state];
  for (const moment of moments) {
    const next = factsOf(moment);
    for (const event of eventsBetween(facts, next)) {
      const before = session.state;
      session = after(session, event);
      if (session.state !== before) states.push(session.state);
    }
    facts = next;
  }
  assert.deepEqual(states, ['init', 'waiting', 'starting', 'sending', 'sendrecv', 'receiving', 'cleanup', 'waiting', 'init']);
  assert.deepEqual(session, OUTSIDE);
});
