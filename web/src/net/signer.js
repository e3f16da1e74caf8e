/**
 * Who a request to the rooms door speaks for: nobody, a guest with the token
 * of the join, or a Hawk session.
 *
 * Owns the credentials of one page. A Hawk signer learns the server's clock
 * from the answers, because a signature is good for one minute only.
 */

import { toBase64, utf8 } from '../wire/bytes.js';
import { authorization, keysOf, payloadHash } from '../wire/hawk.js';
import { basic } from '../wire/rooms.js';

/**
 * @typedef {object} Asked
 * @property {string} method
 * @property {string} path
 * @property {string} body  `''` if there is none.
 */
/**
 * @typedef {object} Signer
 * @property {(asked: Asked) => Promise<string>} sign  The value of `Authorization`, `''` for none.
 * @property {(date: string | null) => boolean} learn  Takes the `Date` of an answer; true if our clock was wrong by it.
 */

/** A clock that is wrong by less than this does no harm. */
const CLOCK_SLACK_S = 30;

/** @type {Signer} */
export const NOBODY = Object.freeze({ sign: async () => '', learn: () => false });

/** A guest who has joined. @param {string} sessionToken @returns {Signer} */
export function guest(sessionToken) {
  const value = basic(toBase64(utf8(`${sessionToken}:`)));
  return { sign: async () => value, learn: () => false };
}

/**
 * @typedef {object} HawkPlace
 * @property {{hostname: string, port: string, protocol: string}} place  Of the server.
 * @property {() => number} now  Milliseconds since 1970.
 * @property {() => string} nonce
 */

/**
 * A Hawk session.
 * @param {string} token
 * @param {HawkPlace} around
 * @returns {Signer}
 */
export function session(token, { place, now, nonce }) {
  const keys = keysOf(token);
  const port = Number(place.port) || (place.protocol === 'https:' ? 443 : 80);
  let ahead = 0;
  const clock = () => Math.floor(now() / 1000) + ahead;
  return {
    async sign({ method, path, body }) {
      const hash = body ? { hash: await payloadHash(body) } : {};
      return authorization(await keys, { method, path, host: place.hostname, port, ts: clock(), nonce: nonce(), ...hash });
    },
    learn(date) {
      const theirs = Math.floor(Date.parse(date ?? '') / 1000);
      if (!Number.isFinite(theirs) || Math.abs(theirs - clock()) < CLOCK_SLACK_S) return false;
      ahead += theirs - clock();
      return true;
    },
  };
}
