/**
 * What makes a private room one's own: the session that made it, and the key
 * under which its owner keeps the keys of rooms. Kept by this browser only.
 *
 * Nothing here is ever shown or put into an address.
 */

import { fromBase64, toBase64 } from './wire/bytes.js';
import { KEY_BYTES, newKey } from './wire/context.js';
import { isSessionToken } from './wire/hawk.js';
import { recordOf, textOf } from './wire/rooms.js';

/** Where it is kept. */
const PLACE = 'parlour.rooms';
/** Rooms that are remembered; the oldest are forgotten first. */
export const ROOMS_MAX = 200;

/**
 * @typedef {object} Keyring
 * @property {string} session  Its token, `''` if there is none.
 * @property {Uint8Array<ArrayBuffer>} key  The owner's.
 * @property {readonly string[]} rooms  Tokens.
 */

/** @param {Pick<Storage, 'getItem'>} [storage] @returns {Keyring} */
export function openKeyring(storage) {
  /** @type {Readonly<Record<string, unknown>>} */
  let fields = {};
  try {
    fields = recordOf(JSON.parse((storage ?? localStorage).getItem(PLACE) ?? 'null'));
  } catch {
    // Nothing kept, or not by us.
  }
  const key = fromBase64(textOf(fields.key));
  const rooms = Array.isArray(fields.rooms) ? fields.rooms.filter((token) => typeof token === 'string') : [];
  const session = textOf(fields.session);
  return { session: isSessionToken(session) ? session : '', key: key?.length === KEY_BYTES ? key : newKey(), rooms };
}

/** @param {Keyring} keyring @param {Pick<Storage, 'setItem'>} [storage] @returns {boolean} Whether it is kept. */
export function keepKeyring({ session, key, rooms }, storage) {
  try {
    const text = JSON.stringify({ session, key: toBase64(key), rooms: rooms.slice(-ROOMS_MAX) });
    (storage ?? localStorage).setItem(PLACE, text);
    return true;
  } catch {
    return false;
  }
}
