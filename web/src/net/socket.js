/**
 * One lasting link to the server: opens the WebSocket, shakes hands, answers
 * and sends pings, notices silence, and tries again after a loss.
 *
 * Owns the socket and its timers. Knows nothing of rooms, media or the page;
 * it does not join by itself. Source: docs/protocols/galene.md §§2.4, 3.2.
 */

import { encode, parse } from '../wire/codec.js';
import { VERSION } from '../wire/messages.js';
import { delayBefore } from './backoff.js';

/** @typedef {import('../wire/messages.js').Incoming} Incoming */
/** @typedef {import('../wire/messages.js').Outgoing} Outgoing */

/** Silence after which a ping is sent. Source: docs/protocols/galene.md §2.4. */
export const PING_AFTER_MS = 15_000;
/** Silence after which the server counts as gone. Source: docs/protocols/galene.md §2.4. */
export const SILENCE_MAX_MS = 65_000;
/** Time for the socket to open and the server to shake hands. */
export const OPENING_MAX_MS = 10_000;
/** A link that lived this long starts its retries from the beginning. */
export const SETTLED_AFTER_MS = 5_000;
/** How often silence is looked at. */
export const WATCH_EVERY_MS = 2_500;

/**
 * @typedef {{type: 'connecting', attempt: number}
 *   | {type: 'open', id: string}
 *   | {type: 'message', message: Incoming}
 *   | {type: 'lost', code: number, reason: string}
 *   | {type: 'waiting', attempt: number, retryAt: number}} LinkEvent
 */

/**
 * Time, chance and sockets, as arguments so that tests can hold them still.
 * @typedef {object} Surroundings
 * @property {() => number} now
 * @property {(ms: number, then: () => void) => () => void} after  Returns how to cancel.
 * @property {() => number} random
 * @property {() => string} id  A fresh client id.
 * @property {(url: string) => WebSocket} open
 */

/** @type {Surroundings} */
export const REAL = {
  now: () => Date.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  id: () => randomId(),
  open: (url) => new WebSocket(url),
};

/**
 * 32 random hex digits: the form of client and stream ids.
 * @returns {string}
 */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class Link {
  #url;
  #on;
  #around;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #openedAt = 0;
  #heardAt = 0;
  #pinged = false;
  #shaken = false;
  #id = '';
  /** @type {() => void} */
  #cancelTimer = () => {};

  /**
   * @param {string} url
   * @param {(event: LinkEvent) => void} on
   * @param {Surroundings} [around]
   */
  constructor(url, on, around = REAL) {
    this.#url = url;
    this.#on = on;
    this.#around = around;
  }

  /** Whether messages can be sent. */
  get isOpen() {
    return this.#shaken;
  }

  /** Opens the socket now; each opening has a client id of its own. */
  start() {
    this.stop();
    const socket = this.#around.open(this.#url);
    this.#socket = socket;
    this.#id = this.#around.id();
    this.#openedAt = this.#around.now();
    this.#heardAt = this.#openedAt;
    this.#pinged = false;
    this.#on({ type: 'connecting', attempt: this.#attempt });
    socket.onopen = () => {
      if (socket === this.#socket) this.#write({ type: 'handshake', version: [VERSION], id: this.#id });
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#hear(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lose(event.code, event.reason);
    };
    this.#watch();
  }

  /** Closes the socket and forgets every plan to come back. */
  stop() {
    this.#cancelTimer();
    const socket = this.#socket;
    this.#socket = null;
    this.#shaken = false;
    if (socket) closeSocket(socket);
  }

  /** Tries at once instead of waiting, if the link is waiting. */
  retryNow() {
    if (!this.#socket) this.start();
  }

  /**
   * Sends a message; `false` means there is no open link.
   * @param {Outgoing} message
   * @returns {boolean}
   */
  send(message) {
    if (!this.#shaken) return false;
    this.#write(message);
    return true;
  }

  /** @param {Outgoing} message */
  #write(message) {
    this.#socket?.send(encode(message));
  }

  /** @param {unknown} data */
  #hear(data) {
    this.#heardAt = this.#around.now();
    this.#pinged = false;
    /** @type {Incoming} */
    let message;
    try {
      message = parse(data);
    } catch (error) {
      // One bad frame is not worth a call; before the handshake it is.
      console.warn('unreadable frame:', error instanceof Error ? error.message : error);
      if (!this.#shaken) this.#abandon('the server does not speak our protocol');
      return;
    }
    if (!this.#shaken) this.#shake(message);
    else if (message.type === 'ping') this.#write({ type: 'pong' });
    else if (message.type !== 'pong' && message.type !== 'handshake') this.#on({ type: 'message', message });
  }

  /** @param {Incoming} message */
  #shake(message) {
    if (message.type !== 'handshake' || !message.version.includes(VERSION)) {
      this.#abandon('the server does not speak our protocol');
      return;
    }
    this.#shaken = true;
    this.#on({ type: 'open', id: this.#id });
  }

  /** Looks at the silence every now and then while a socket exists. */
  #watch() {
    this.#cancelTimer();
    this.#cancelTimer = this.#around.after(WATCH_EVERY_MS, () => {
      const now = this.#around.now();
      const silence = now - this.#heardAt;
      if (!this.#shaken && now - this.#openedAt >= OPENING_MAX_MS) this.#abandon('no answer');
      else if (this.#shaken && silence >= SILENCE_MAX_MS) this.#abandon('no sign of life');
      else {
        if (this.#shaken && silence >= PING_AFTER_MS && !this.#pinged) {
          this.#pinged = true;
          this.#write({ type: 'ping' });
        }
        this.#watch();
      }
    });
  }

  /** Gives this socket up and tries again after a wait. @param {string} reason */
  failAndRetry(reason) {
    this.#abandon(reason);
  }

  /** @param {string} reason */
  #abandon(reason) {
    const socket = this.#socket;
    this.#lose(1006, reason);
    if (socket) closeSocket(socket);
  }

  /**
   * The listener may call `stop` while it hears of the loss; then nothing is retried.
   * @param {number} code
   * @param {string} reason
   */
  #lose(code, reason) {
    this.#cancelTimer();
    const settled = this.#shaken && this.#around.now() - this.#openedAt >= SETTLED_AFTER_MS;
    this.#socket = null;
    this.#shaken = false;
    if (settled) this.#attempt = 0;
    let wanted = true;
    this.#cancelTimer = () => {
      wanted = false;
    };
    this.#on({ type: 'lost', code, reason });
    if (!wanted || this.#socket) return;
    const delay = delayBefore(this.#attempt, this.#around.random());
    this.#attempt += 1;
    this.#cancelTimer = this.#around.after(delay, () => this.start());
    this.#on({ type: 'waiting', attempt: this.#attempt, retryAt: this.#around.now() + delay });
  }
}

/** @param {WebSocket} socket */
function closeSocket(socket) {
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close(1000, 'Close requested by client');
}
