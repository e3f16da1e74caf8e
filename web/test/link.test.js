import assert from 'node:assert/strict';
import test from 'node:test';
import { DELAY_MAX_MS, FIRST_DELAY_MS, delayBefore } from '../src/net/backoff.js';
import { Link, OPENING_MAX_MS, PING_AFTER_MS, SETTLED_AFTER_MS, SILENCE_MAX_MS, WATCH_EVERY_MS } from '../src/net/socket.js';

/** A world in which time moves only when told to, and sockets are ours. */
function world() {
  let now = 0;
  let ids = 0;
  /** @type {{at: number, then: () => void}[]} */
  let timers = [];
  /** @type {any[]} */
  const sockets = [];
  /** @type {any[]} */
  const events = [];
  const link = new Link('ws://test/ws', (event) => events.push(event), {
    now: () => now,
    random: () => 0,
    id: () => `id${(ids += 1)}`,
    after(ms, then) {
      const timer = { at: now + ms, then };
      timers.push(timer);
      return () => {
        timers = timers.filter((item) => item !== timer);
      };
    },
    open() {
      const socket = { sent: /** @type {any[]} */ ([]), closed: false, send(/** @type {string} */ text) { this.sent.push(JSON.parse(text)); }, close() { this.closed = true; } };
      sockets.push(socket);
      return /** @type {any} */ (socket);
    },
  });
  return {
    link, sockets, events,
    get socket() { return sockets.at(-1); },
    types: () => events.map((event) => event.type),
    say(/** @type {object} */ message) { this.socket.onmessage({ data: JSON.stringify(message) }); },
    shake() { this.socket.onopen(); this.say({ type: 'handshake', version: ['2'] }); },
    pass(/** @type {number} */ ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((timer) => timer !== next);
        now = next.at;
        next.then();
      }
      now = end;
    },
  };
}

test('waits double up to a limit and are scattered', () => {
  assert.equal(delayBefore(0, 0), FIRST_DELAY_MS / 2);
  assert.equal(delayBefore(0, 1), FIRST_DELAY_MS);
  assert.equal(delayBefore(1, 1), 2 * FIRST_DELAY_MS);
  assert.equal(delayBefore(99, 1), DELAY_MAX_MS);
});

test('a link shakes hands before it says that it is open', () => {
  const w = world();
  w.link.start();
  w.socket.onopen();
  assert.deepEqual(w.socket.sent, [{ type: 'handshake', version: ['2'], id: 'id1' }]);
  assert.equal(w.link.send({ type: 'ping' }), false);
  w.say({ type: 'handshake', version: ['2'] });
  assert.deepEqual(w.types(), ['connecting', 'open']);
  assert.equal(w.link.send({ type: 'ping' }), true);
});

test('a server of another protocol is given up and asked again later', () => {
  const w = world();
  w.link.start();
  w.socket.onopen();
  w.say({ type: 'handshake', version: ['1'] });
  assert.deepEqual(w.types(), ['connecting', 'lost', 'waiting']);
  assert.ok(w.sockets[0].closed);
});

test('a ping is answered, and silence is met with a ping and then with a new start', () => {
  const w = world();
  w.link.start();
  w.shake();
  w.say({ type: 'ping' });
  assert.deepEqual(w.socket.sent.at(-1), { type: 'pong' });
  w.pass(PING_AFTER_MS + WATCH_EVERY_MS);
  assert.equal(w.socket.sent.filter((/** @type {any} */ m) => m.type === 'ping').length, 1);
  w.say({ type: 'pong' });
  w.pass(SILENCE_MAX_MS - WATCH_EVERY_MS);
  assert.ok(!w.types().includes('lost'));
  w.pass(2 * WATCH_EVERY_MS);
  assert.ok(w.types().includes('lost'));
});

test('a socket that never opens is given up', () => {
  const w = world();
  w.link.start();
  w.pass(OPENING_MAX_MS + WATCH_EVERY_MS);
  assert.ok(w.types().includes('lost'));
  assert.equal(w.sockets.length >= 2, true);
});

test('after a loss the link comes back by itself with a new id', () => {
  const w = world();
  w.link.start();
  w.shake();
  w.pass(SETTLED_AFTER_MS);
  w.socket.onclose({ code: 1006, reason: '' });
  w.pass(FIRST_DELAY_MS);
  assert.equal(w.sockets.length, 2);
  w.shake();
  assert.deepEqual(w.events.filter((event) => event.type === 'open').map((event) => event.id), ['id1', 'id2']);
});

test('retries slow down until a link has lasted', () => {
  const w = world();
  w.link.start();
  const waits = [0, 1, 2].map(() => {
    w.socket.onclose({ code: 1006, reason: '' });
    const { retryAt, attempt } = w.events.at(-1);
    w.pass(FIRST_DELAY_MS * 4);
    return [attempt, retryAt > 0];
  });
  assert.deepEqual(waits, [[1, true], [2, true], [3, true]]);
});

test('a listener that stops the link at the loss is obeyed', () => {
  const w = world();
  w.link.start();
  w.shake();
  const push = w.events.push.bind(w.events);
  w.events.push = (event) => {
    if (event.type === 'lost') w.link.stop();
    return push(event);
  };
  w.socket.onclose({ code: 1000, reason: 'kicked out' });
  w.pass(60_000);
  assert.equal(w.sockets.length, 1);
});

test('a stopped link neither speaks nor comes back, and can be started again', () => {
  const w = world();
  w.link.start();
  w.shake();
  w.link.stop();
  assert.ok(w.socket.closed);
  assert.equal(w.link.send({ type: 'ping' }), false);
  w.pass(60_000);
  assert.equal(w.sockets.length, 1);
  w.link.retryNow();
  assert.equal(w.sockets.length, 2);
});

test('one unreadable frame does not end a link', () => {
  const w = world();
  const { warn } = console;
  console.warn = () => {};
  w.link.start();
  w.shake();
  w.socket.onmessage({ data: '{' });
  console.warn = warn;
  assert.equal(w.link.isOpen, true);
});
