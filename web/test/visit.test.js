import assert from 'node:assert/strict';
import test from 'node:test';
import { createStore } from '../src/state/store.js';
import { emptyRoom, reduceRoom } from '../src/state/room.js';
import { parse } from '../src/wire/codec.js';
import { REPORT_TRIES } from '../src/net/reporter.js';
import { CLIENT_SIZE_MAX, RESIGN_EVERY_MS, TEXT, Visit, wordsFor } from '../src/visit.js';
import { Refused } from '../src/net/rooms.js';
import { session } from '../src/net/signer.js';
import { answer, fakeDoor, quiet, refusal, stillTime, until } from './door.js';

const TOKEN = 'QzBbvGmIZWU';

/**
 * A visit with a scripted door and a call that does what it is told.
 * @param {(action: string, seen: import('./door.js').Seen) => Response | Promise<Response> | Error | undefined} [script]
 * @param {import('../src/net/signer.js').Signer | null} [owner]
 */
function world(script = () => undefined, owner = null) {
  const time = stillTime();
  const store = createStore(reduceRoom, emptyRoom('', 'x'));
  const { door, seen } = fakeDoor((one) => {
    const action = one.body?.action ?? one.method;
    return script(action, one) ?? (action === 'join' ? answer(200, { apiKey: 'k', sessionId: 's', sessionToken: 'T1', expires: 100 })
      : action === 'refresh' ? answer(200, { expires: 100 }) : answer(204));
  });
  /** @type {any[]} */
  const calls = [];
  const call = {
    join(/** @type {any} */ credentials) {
      calls.push(credentials);
      store.dispatch({ type: 'joining' });
    },
    leave: (farewell = 'You left the call.') => store.dispatch({ type: 'left', farewell }),
    cancelJoin: () => store.dispatch({ type: 'refused', problem: { needs: '', text: '' } }),
  };
  const visit = new Visit({ token: TOKEN, door, owner, store, call, around: time });
  store.subscribe((state) => visit.watch(state));
  return {
    visit, store, seen, calls, time, call,
    actions: () => seen.map(({ body, method }) => body?.action ?? method),
    states: () => seen.filter(({ body }) => body?.action === 'status').map(({ body }) => `${body.state} ${body.connections}${body.sendStreams}${body.recvStreams}`),
    /** @param {object} message */
    hear(message) {
      store.dispatch({ type: 'message', message: parse(JSON.stringify(message)) });
      return quiet();
    },
    /** @param {string} id @param {'up' | 'down'} direction */
    flows(id, direction) {
      store.dispatch({ type: 'stream', replace: '', stream: { id, direction, label: 'camera', source: 'b', name: '', audio: true, video: true, condition: 'connected', flowing: true } });
      return quiet();
    },
    async arrive() {
      await visit.join('Ada');
      await quiet();
      store.dispatch({ type: 'opened', id: 'me' });
      await this.hear({ type: 'joined', kind: 'join', group: TOKEN, username: 'Ada', permissions: ['present'] });
      await this.hear({ type: 'user', kind: 'add', id: 'me', username: 'Ada' });
    },
    async talk() {
      await this.arrive();
      await this.hear({ type: 'user', kind: 'add', id: 'b', username: 'Bob' });
      await this.flows('u', 'up');
      await this.flows('d', 'down');
    },
  };
}

test('the token of the join opens the call, and the name goes to the door only', async () => {
  const { visit, seen, calls, store } = world();
  await visit.join('Ada');
  assert.deepEqual(seen[0]?.body, { action: 'join', displayName: 'Ada', clientMaxSize: CLIENT_SIZE_MAX });
  assert.deepEqual(calls, [{ username: '', password: '', token: 'T1' }]);
  assert.equal(store.state().phase, 'joining');
});

test('whoever gives no name is a guest', async () => {
  const { visit, seen } = world();
  await visit.join('');
  assert.equal(seen[0]?.body.displayName, 'Guest');
});

test('every transition is reported in order, and the leave comes last', async () => {
  const w = world();
  await w.talk();
  assert.deepEqual(w.states(), ['init 000', 'waiting 100', 'starting 200', 'sending 210', 'sendrecv 211']);
  w.call.leave();
  await quiet();
  assert.deepEqual(w.states().slice(5), ['receiving 201', 'cleanup 200', 'waiting 100', 'init 000']);
  assert.equal(w.actions().at(-1), 'leave');
  assert.equal(w.actions().filter((action) => action === 'leave').length, 1);
});

test('a report waits for the one before it, also when that one is slow or lost', async () => {
  let failures = 2;
  const w = world((action) => (action === 'status' && (failures -= 1) >= 0 ? new Error('offline') : undefined));
  await w.arrive();
  assert.deepEqual(w.states(), ['init 000']);
  await w.time.pass(3_000);
  assert.deepEqual(w.states(), ['init 000', 'init 000', 'init 000', 'waiting 100']);
});

test('a report that cannot be delivered is given up, and leaving does not wait for ever', async () => {
  const w = world((action) => (action === 'status' ? refusal(503, 201) : undefined));
  await w.talk();
  w.call.leave();
  await w.time.pass(10_000);
  assert.equal(w.actions().includes('leave'), true);
  assert.ok(w.states().filter((state) => state === 'init 000').length <= 2 * REPORT_TRIES);
});

test('the place is renewed at nine tenths of its life, again and again', async () => {
  const w = world();
  await w.arrive();
  assert.ok(w.time.due().includes(90_000));
  await w.time.pass(89_999);
  assert.equal(w.actions().includes('refresh'), false);
  await w.time.pass(180_001);
  assert.equal(w.actions().filter((action) => action === 'refresh').length, 3);
  w.call.leave();
  await quiet();
  await w.time.pass(1_000_000);
  assert.equal(w.actions().filter((action) => action === 'refresh').length, 3);
});

test('a refresh without an answer is tried again soon', async () => {
  let tries = 0;
  const w = world((action) => (action === 'refresh' && (tries += 1) < 3 ? new Error('offline') : undefined));
  await w.arrive();
  await w.time.pass(95_000);
  assert.equal(tries, 3);
  assert.equal(w.store.state().phase, 'joined');
});

for (const [what, status, errno, text] of /** @type {[string, number, number, string][]} */ ([
  ['a guest whose token ran out', 401, 110, TEXT.expired], ['an owner who was too late', 410, 111, TEXT.expired], ['a room that was deleted', 404, 105, TEXT.deleted],
])) {
  test(`${what} is told so and may join again`, async () => {
    const w = world((action) => (action === 'refresh' ? refusal(status, errno) : undefined));
    await w.arrive();
    await w.time.pass(90_000);
    assert.equal(w.store.state().phase, 'left');
    assert.equal(w.store.state().farewell, text);
    assert.equal(w.actions().includes('leave'), false);
    await w.arrive();
    assert.equal(w.store.state().phase, 'joined');
  });
}

test('someone put out because the room was deleted is told that, not less', async () => {
  const w = world((action) => (action === 'leave' ? refusal(404, 105) : undefined));
  await w.talk();
  w.call.leave('You were removed from the call.');
  await quiet();
  assert.equal(w.store.state().farewell, TEXT.deleted);
});

test('someone put out by a moderator is told that, and someone whose refreshes were lost the other thing', async () => {
  for (const [lost, text] of /** @type {[boolean, string][]} */ ([[false, 'You were removed from the call.'], [true, TEXT.expired]])) {
    const w = world((action) => (action === 'leave' ? refusal(401, 110) : action === 'refresh' && lost ? new Error('offline') : undefined));
    await w.talk();
    await w.time.pass(90_000);
    w.call.leave('You were removed from the call.');
    await quiet();
    assert.equal(w.store.state().farewell, text);
  }
});

test('a call that does not let us in again asks the door why', async () => {
  const w = world((action) => (action === 'refresh' ? refusal(401, 110) : undefined));
  await w.arrive();
  w.store.dispatch({ type: 'refused', problem: { needs: '', text: 'This invitation is not valid, or not any more.' } });
  await quiet();
  assert.equal(w.store.state().problem?.text, TEXT.expired);
});

test('a refusal that the door knows nothing of keeps its words, and the place is given up', async () => {
  const w = world();
  await w.arrive();
  w.store.dispatch({ type: 'refused', problem: { needs: '', text: 'This group is locked.' } });
  await quiet();
  assert.equal(w.store.state().problem?.text, 'This group is locked.');
  assert.equal(w.actions().at(-1), 'leave');
});

test('whoever cancels before the door answers does not stay inside', async () => {
  /** @type {(response: Response) => void} */
  let open = () => {};
  const w = world((action) => (action === 'join' ? new Promise((resolve) => {
    open = resolve;
  }) : undefined));
  const joining = w.visit.join('Ada');
  await quiet();
  w.visit.cancel();
  open(answer(200, { apiKey: 'k', sessionId: 's', sessionToken: 'T1', expires: 100 }));
  await joining;
  await quiet();
  assert.deepEqual(w.actions(), ['join', 'leave']);
  assert.equal(w.calls.length, 0);
  assert.equal(w.store.state().phase, 'lobby');
});

test('a page that goes away sends one leave and nothing else', async () => {
  const w = world();
  await w.talk();
  const before = w.seen.length;
  w.visit.pageGoes();
  w.call.leave();
  await quiet();
  assert.deepEqual(w.seen.slice(before).map(({ body, keepalive }) => [body.action, keepalive]), [['leave', true]]);
});

test('the owner joins as the owner, and the leave at hand is signed anew before it is too old', async () => {
  let clock = 0;
  const owner = session('ab'.repeat(32), { place: { hostname: 'h', port: '', protocol: 'http:' }, now: () => clock * 1000, nonce: () => 'n' });
  const w = world(undefined, owner);
  await w.arrive();
  await until(() => w.time.due().includes(RESIGN_EVERY_MS));
  assert.ok(w.seen.every(({ headers }) => headers.authorization?.startsWith('Hawk ')));
  clock = 25;
  await w.time.pass(RESIGN_EVERY_MS);
  await until(() => w.time.due().includes(RESIGN_EVERY_MS));
  w.visit.pageGoes();
  assert.match(w.seen.at(-1)?.headers.authorization ?? '', /ts="25"/);
});

/** An owner whose other page takes the place, in a room that is still there or not. @param {boolean} isThere */
async function displacedOwner(isThere) {
  const owner = session('ab'.repeat(32), { place: { hostname: 'h', port: '', protocol: 'http:' }, now: () => 0, nonce: () => 'n' });
  const w = world((action) => (action === 'refresh' && !isThere ? refusal(404, 105) : undefined), owner);
  await w.arrive();
  await until(() => w.states().length === 2);
  return w;
}

test('an owner whose place another page has taken gives nothing up and says nothing in its name', async () => {
  const w = await displacedOwner(true);
  const before = w.seen.length;
  w.call.leave('You were removed from the call: you have joined from another device');
  await until(() => w.seen.length > before);
  await quiet();
  assert.deepEqual(w.actions().slice(before), ['refresh']);
  assert.match(w.store.state().farewell, /another device/);
  w.visit.pageGoes();
  assert.equal(w.seen.length, before + 1);
});

test('an owner put out of a room that is gone is told so', async () => {
  const w = await displacedOwner(false);
  w.call.leave('You were removed from the call.');
  await until(() => w.store.state().farewell !== 'You were removed from the call.');
  assert.equal(w.store.state().farewell, TEXT.deleted);
});

test('an owner who leaves does leave', async () => {
  const w = await displacedOwner(true);
  w.visit.leave();
  await until(() => w.actions().at(-1) === 'leave');
  assert.equal(w.states().at(-1), 'init 000');
});

test('an owner whose session is forgotten comes in as a guest', async () => {
  const owner = session('ab'.repeat(32), { place: { hostname: 'h', port: '', protocol: 'http:' }, now: () => 0, nonce: () => 'n' });
  const w = world((action, seen) => (seen.headers.authorization?.startsWith('Hawk') ? refusal(401, 110) : undefined), owner);
  await w.arrive();
  assert.equal(w.store.state().phase, 'joined');
  assert.equal(w.seen.at(-1)?.headers.authorization, 'Basic VDE6');
});

test('why somebody cannot come in, in words', async () => {
  const words = (/** @type {number} */ status, /** @type {number} */ errno) => wordsFor(new Refused({ kind: 'rest', status, errno, text: '' }));
  assert.deepEqual([words(404, 105), words(410, 111), words(400, 202), words(400, 121), words(503, 201), words(400, 107)],
    [TEXT.gone, TEXT.gone, TEXT.full, TEXT.full, TEXT.unreachable, TEXT.other]);
  const w = world((action) => (action === 'join' ? refusal(400, 202) : undefined));
  await w.visit.join('Ada');
  assert.deepEqual(w.store.state().problem, { needs: '', text: TEXT.full });
  assert.equal(w.calls.length, 0);
});
