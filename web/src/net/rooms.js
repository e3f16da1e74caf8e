/**
 * The rooms door over REST: one method for each thing that is asked of it.
 *
 * Owns nothing but the way to the server; the credentials are the signer's.
 * A request that the server refuses ends in `Refused`, one that has no answer
 * in `Unreachable`. Source: docs/protocols/rooms.md.
 */

import { PREFIX, Unreadable, pathOf, readCreated, readJoined, readOwnRooms, readPublicView, readRefreshed, readRefusal } from '../wire/rooms.js';
import { isSessionToken } from '../wire/hawk.js';
import { NOBODY } from './signer.js';

/** @typedef {import('./signer.js').Signer} Signer */
/** @typedef {import('../wire/rooms.js').PublicView} PublicView */
/** @typedef {import('../wire/rooms.js').Refusal} Refusal */
/** @typedef {import('../state/session.js').Session} Session */
/** @typedef {{event: string} & Session} Report */
/** @typedef {(path: string, init: RequestInit) => Promise<Response>} Fetch */

/** How long the server may take. */
export const ANSWER_MAX_MS = 10_000;

/** The server said no. */
export class Refused extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(`${refusal.status} ${refusal.errno} ${refusal.text}`);
    this.refusal = refusal;
  }
}

/** There was no answer, or none that can be read. */
export class Unreachable extends Error {}

/** @type {Fetch} */
const REAL = (path, init) => fetch(path, init);

export class RoomsDoor {
  #fetch;
  #signer;

  /** @param {Signer} [signer] @param {Fetch} [fetch] */
  constructor(signer = NOBODY, fetch = REAL) {
    this.#signer = signer;
    this.#fetch = fetch;
  }

  /** The same door, asked by somebody else. @param {Signer} signer */
  as(signer) {
    return new RoomsDoor(signer, this.#fetch);
  }

  /** Whether the server has this door. @returns {Promise<boolean>} */
  async isOpen() {
    try {
      await this.#ask('GET', `${PREFIX}/__lbheartbeat__`);
      return true;
    } catch {
      return false;
    }
  }

  /** @param {string} token @returns {Promise<PublicView>} */
  async look(token) {
    return readPublicView(await this.#ask('GET', pathOf(token)));
  }

  /** @param {string} token @param {string} displayName @param {number} clientMaxSize */
  async join(token, displayName, clientMaxSize) {
    return readJoined(await this.#ask('POST', pathOf(token), { action: 'join', displayName, clientMaxSize }));
  }

  /** @param {string} token @returns {Promise<number>} Seconds until the next one is due. */
  async refresh(token) {
    return readRefreshed(await this.#ask('POST', pathOf(token), { action: 'refresh' }));
  }

  /** @param {string} token @param {Report} report */
  async report(token, { event, state, connections, sendStreams, recvStreams }) {
    await this.#ask('POST', pathOf(token), { action: 'status', event, state, connections, sendStreams, recvStreams });
  }

  /** @param {string} token */
  async leave(token) {
    await this.#ask('POST', pathOf(token), LEAVE);
  }

  /**
   * A leave made ready, to be sent when there is no time left to sign one; it
   * outlives the page. A Hawk signature in it is good for a minute.
   * @param {string} token
   * @returns {Promise<() => void>}
   */
  async leaveLater(token) {
    const asked = { method: 'POST', path: pathOf(token), body: JSON.stringify(LEAVE) };
    const init = initOf(asked, await this.#signer.sign(asked));
    return () => {
      this.#fetch(asked.path, { ...init, keepalive: true }).catch(() => {});
    };
  }

  /** Makes a session. @returns {Promise<string>} Its token. */
  async register() {
    const response = await this.#send('POST', `${PREFIX}/registration`, {});
    const token = response.headers.get('hawk-session-token') ?? '';
    if (!isSessionToken(token)) throw new Unreachable('no session came with the answer');
    return token;
  }

  /** @param {{roomOwner: string, maxSize: number, context: import('../wire/context.js').Context}} room */
  async create(room) {
    return readCreated(await this.#ask('POST', `${PREFIX}/rooms`, room));
  }

  /** The rooms of whoever asks. */
  async list() {
    return readOwnRooms(await this.#ask('GET', `${PREFIX}/rooms`));
  }

  /** @param {string} token */
  async remove(token) {
    await this.#ask('DELETE', pathOf(token));
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<unknown>} */
  async #ask(method, path, body) {
    const response = await this.#send(method, path, body);
    return response.status === 204 ? null : jsonOf(response);
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<Response>} */
  async #send(method, path, body) {
    const asked = { method, path, body: body ? JSON.stringify(body) : '' };
    let response = await this.#try(asked);
    // With the right time the same request may be good.
    if (response.status === 401 && this.#signer.learn(response.headers.get('date'))) response = await this.#try(asked);
    if (!response.ok) throw new Refused(readRefusal(response.status, await jsonOf(response).catch(() => null)));
    return response;
  }

  /** @param {import('./signer.js').Asked} asked */
  async #try(asked) {
    const init = initOf(asked, await this.#signer.sign(asked));
    try {
      return await this.#fetch(asked.path, { ...init, signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    } catch (error) {
      throw new Unreachable('no answer', { cause: error });
    }
  }
}

const LEAVE = Object.freeze({ action: 'leave' });

/** @param {import('./signer.js').Asked} asked @param {string} authorization @returns {RequestInit} */
function initOf({ method, body }, authorization) {
  return {
    method,
    headers: {
      accept: 'application/json',
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(authorization ? { authorization } : {}),
    },
    ...(body ? { body } : {}),
    // Our own header only: the browser must neither add nor ask for a password.
    credentials: 'omit',
    cache: 'no-store',
    referrerPolicy: 'no-referrer',
  };
}

/** @param {Response} response @returns {Promise<unknown>} */
async function jsonOf(response) {
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable('the answer is not json', { cause: error });
  }
}

/** Whether an error means that nothing was decided and trying again may help. @param {unknown} error */
export function isPassing(error) {
  if (error instanceof Unreachable || error instanceof Unreadable) return true;
  return error instanceof Refused && (error.refusal.status >= 500 || error.refusal.status === 429);
}
