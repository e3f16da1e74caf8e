/**
 * One visit to a room of the rooms door: joins over REST, takes the media token
 * into the call, keeps the place until we leave, and reports how the session goes.
 *
 * Wiring only: the machine is in `state/session.js`, the requests in
 * `net/rooms.js`, the call in `call.js`. Source: docs/protocols/rooms.md.
 */

import { delayBefore } from './net/backoff.js';
import { Reporter } from './net/reporter.js';
import { Refused, isPassing } from './net/rooms.js';
import { guest } from './net/signer.js';
import { NOTHING, OUTSIDE, after, eventsBetween, factsOf } from './state/session.js';
import { ERRNO } from './wire/rooms.js';

/** @typedef {import('./net/rooms.js').RoomsDoor} RoomsDoor */
/** @typedef {import('./net/reporter.js').Around} Around */
/** @typedef {import('./net/signer.js').Signer} Signer */
/** @typedef {import('./state/room.js').RoomState} RoomState */
/** @typedef {import('./state/room.js').RoomEvent} RoomEvent */
/** @typedef {import('./state/session.js').Session} Session */

/** People we can show, ourselves included. */
export const CLIENT_SIZE_MAX = 100;
/** The part of its life after which a place is renewed. Source: docs/protocols/rooms.md. */
export const REFRESH_AT = 0.9;
/** The shortest and the longest wait before a refresh, whatever the server says. */
export const REFRESH_MIN_MS = 250;
export const REFRESH_MAX_MS = 3_600_000;
/** How long reports may hold up leaving. */
export const FLUSH_MAX_MS = 3_000;
/** How often a leave is signed anew; a signature is good for a minute. */
export const RESIGN_EVERY_MS = 25_000;
/** The word for the beginning, before the machine's first event. */
export const JOINED = 'Room.joined';

export const TEXT = Object.freeze({
  gone: 'This link has expired or is not valid.',
  deleted: 'This room is not there any more: its owner has deleted it, or its time has run out.',
  full: 'This room is full. Try again when somebody has left.',
  expired: 'Your place in the room has run out. You can join again.',
  unreachable: 'The server does not answer. Please try again.',
  other: 'That did not work.',
});

/**
 * @typedef {object} VisitOptions
 * @property {string} token
 * @property {RoomsDoor} door
 * @property {Signer | null} owner  Who we are if the room is our own.
 * @property {import('./state/store.js').Store<RoomState, RoomEvent>} store
 * @property {{join: (credentials: import('./call.js').Credentials) => void, leave: (farewell?: string) => void, cancelJoin: () => void}} call
 * @property {Around} around
 */

export class Visit {
  #options;
  #store;
  #call;
  #around;
  /** The door as asked by the participant; `null` while we are none. @type {RoomsDoor | null} */
  #door = null;
  /** Counts attempts, so that a late answer to an old one is known. */
  #attempt = 0;
  /** Whether we are here as the owner: then all pages of this browser have one place between them. */
  #isOwner = false;
  /** Whether a refresh got no answer, so that the place may have run out. */
  #isOverdue = false;
  /** Whether we ourselves want to go. */
  #wished = false;
  #facts = NOTHING;
  /** @type {Session} */
  #session = OUTSIDE;
  /** @type {Reporter | null} */
  #reporter = null;
  #farewell = () => {};
  #stopRefresh = () => {};
  #stopSigning = () => {};

  /** @param {VisitOptions} options */
  constructor(options) {
    this.#options = options;
    this.#store = options.store;
    this.#call = options.call;
    this.#around = options.around;
  }

  /** @param {string} name */
  async join(name) {
    const attempt = (this.#attempt += 1);
    this.#store.dispatch({ type: 'joining' });
    try {
      const { door, joined, isOwner } = await this.#enter(name || 'Guest');
      // Somebody thought better of it meanwhile.
      if (attempt !== this.#attempt) return void door.leave(this.#options.token).catch(() => {});
      this.#isOwner = isOwner;
      this.#begin(door, joined.expires);
      this.#call.join({ username: '', password: '', token: joined.sessionToken });
    } catch (error) {
      if (attempt === this.#attempt) this.#refuse(wordsFor(error));
    }
  }

  /** Gives up waiting to get in. */
  cancel() {
    this.#attempt += 1;
    this.#wished = true;
    this.#call.cancelJoin();
  }

  /** Goes, for good. */
  leave() {
    this.#wished = true;
    this.#call.leave();
  }

  /** The page goes away: there is time for one request and no answer. */
  pageGoes() {
    if (!this.#door) return;
    this.#end();
    this.#farewell();
  }

  /** Looks at what became of the call. @param {RoomState} state */
  watch(state) {
    const door = this.#door;
    if (!door) return;
    const isPutOut = this.#isOwner && !this.#wished;
    if (isPutOut && (state.phase === 'left' || state.phase === 'lobby')) {
      this.#displaced(door, state.phase);
      return;
    }
    this.#observe(state);
    if (state.phase === 'left') this.#leave(door);
    else if (state.phase === 'lobby') this.#shutOut(door, state.problem?.text ?? '');
  }

  /** Joins as the owner if we are, else as a guest. @param {string} name */
  async #enter(name) {
    const { token, door, owner } = this.#options;
    if (owner) {
      try {
        const own = door.as(owner);
        return { door: own, joined: await own.join(token, name, CLIENT_SIZE_MAX), isOwner: true };
      } catch (error) {
        // A session that is forgotten still leaves us the link.
        if (!hasErrno(error, ERRNO.badCredentials)) throw error;
      }
    }
    const joined = await door.join(token, name, CLIENT_SIZE_MAX);
    return { door: door.as(guest(joined.sessionToken)), joined, isOwner: false };
  }

  /** @param {RoomsDoor} door @param {number} expires */
  #begin(door, expires) {
    this.#door = door;
    this.#wished = false;
    this.#isOverdue = false;
    this.#facts = NOTHING;
    this.#session = OUTSIDE;
    this.#reporter = new Reporter((report) => door.report(this.#options.token, report), this.#around);
    this.#reporter.add({ event: JOINED, ...this.#session });
    this.#refreshIn(expires);
    this.#sign();
  }

  /** Nothing is renewed or observed any more. */
  #end() {
    this.#door = null;
    this.#stopRefresh();
    this.#stopSigning();
  }

  /** @param {RoomState} state */
  #observe(state) {
    const facts = factsOf(state);
    for (const event of eventsBetween(this.#facts, facts)) {
      const before = this.#session.state;
      this.#session = after(this.#session, event);
      if (this.#session.state !== before) this.#reporter?.add({ event, ...this.#session });
    }
    this.#facts = facts;
  }

  // The place is renewed long before it runs out.

  /** @param {number} expires  Seconds. */
  #refreshIn(expires) {
    const wait = Math.min(REFRESH_MAX_MS, Math.max(REFRESH_MIN_MS, expires * 1000 * REFRESH_AT));
    this.#stopRefresh = this.#around.after(wait, () => this.#refresh(0));
  }

  /** @param {number} tried */
  async #refresh(tried) {
    const door = this.#door;
    if (!door) return;
    try {
      const expires = await door.refresh(this.#options.token);
      if (door !== this.#door) return;
      this.#isOverdue = false;
      this.#refreshIn(expires);
    } catch (error) {
      if (door !== this.#door) return;
      if (!isPassing(error)) return this.#lostPlace(wordsInside(error));
      this.#isOverdue = true;
      this.#stopRefresh = this.#around.after(delayBefore(tried, this.#around.random()), () => this.#refresh(tried + 1));
    }
  }

  /** Keeps a leave at hand for the moment when the page goes. */
  async #sign() {
    const door = this.#door;
    if (!door) return;
    const farewell = await door.leaveLater(this.#options.token);
    if (door !== this.#door) return;
    this.#farewell = farewell;
    this.#stopSigning = this.#around.after(RESIGN_EVERY_MS, () => this.#sign());
  }

  // The ends.

  /** The server has let go of us already. @param {string} text */
  #lostPlace(text) {
    this.#end();
    this.#call.leave(text);
  }

  /** We have left the call: what is to be reported is reported before we leave the room. @param {RoomsDoor} door */
  async #leave(door) {
    this.#end();
    await this.#reporter?.flushed(FLUSH_MAX_MS);
    try {
      await door.leave(this.#options.token);
    } catch (error) {
      this.#explain(error, 'left');
    }
  }

  /**
   * An owner was put out. Most likely another page of this browser has taken
   * the place, and what we reported or gave up now would be that page's.
   * @param {RoomsDoor} door
   * @param {'left' | 'lobby'} phase
   */
  async #displaced(door, phase) {
    this.#end();
    try {
      await door.refresh(this.#options.token);
    } catch (error) {
      this.#explain(error, phase);
    }
  }

  /** The call did not let us in, or not again: the door knows why. @param {RoomsDoor} door @param {string} text */
  async #shutOut(door, text) {
    this.#end();
    try {
      if (text) await door.refresh(this.#options.token);
      await door.leave(this.#options.token);
    } catch (error) {
      if (text) this.#explain(error, 'lobby');
    }
  }

  /** Says why the place is lost, where the call could not know. @param {unknown} error @param {'left' | 'lobby'} phase */
  #explain(error, phase) {
    if (isPassing(error) || this.#store.state().phase !== phase) return;
    const text = wordsInside(error);
    if (phase === 'lobby') this.#refuse(text);
    // Somebody may also have put us out, and then the place is gone as well.
    else if (this.#isOverdue || text === TEXT.deleted) this.#store.dispatch({ type: 'left', farewell: text });
  }

  /** @param {string} text */
  #refuse(text) {
    this.#store.dispatch({ type: 'refused', problem: { needs: '', text } });
  }
}

/**
 * Why we cannot come in.
 * @param {unknown} error
 * @returns {string}
 */
export function wordsFor(error) {
  if (isPassing(error)) return TEXT.unreachable;
  if (hasErrno(error, ERRNO.noRoom) || hasErrno(error, ERRNO.expired)) return TEXT.gone;
  if (hasErrno(error, ERRNO.full) || hasErrno(error, ERRNO.tooMany)) return TEXT.full;
  return TEXT.other;
}

/** Why we cannot stay. @param {unknown} error @returns {string} */
function wordsInside(error) {
  return hasErrno(error, ERRNO.noRoom) ? TEXT.deleted : TEXT.expired;
}

/** @param {unknown} error @param {number} errno */
function hasErrno(error, errno) {
  return error instanceof Refused && error.refusal.errno === errno;
}
