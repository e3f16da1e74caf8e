/**
 * The page behind an invitation: which room it is for, what it says about it,
 * and the visit to it. Wiring only.
 */

import { openKeyring } from './keyring.js';
import { RoomsDoor } from './net/rooms.js';
import { session } from './net/signer.js';
import { REAL, randomId } from './net/socket.js';
import { Visit, wordsFor, TEXT } from './visit.js';
import { keyOfFragment, openDetails } from './wire/context.js';
import { tokenOfPath } from './wire/rooms.js';

/** @typedef {import('./wire/context.js').Details} Details */

/** What is said when there is nothing to be said. @type {Details} */
const NOTHING_SAID = Object.freeze({ name: '', description: '', links: [] });

const NO_KEY = 'What this room is about is encrypted, and this link has not the right key.';
const NO_CRYPTO = 'What this room is about is encrypted. Browsers open that only on pages from https or localhost.';

/**
 * @param {import('./state/store.js').Store<import('./state/room.js').RoomState, import('./state/room.js').RoomEvent>} store
 * @param {import('./call.js').Call} call
 */
export function invitation(store, call) {
  const token = tokenOfPath(location.pathname);
  const door = new RoomsDoor();
  const keyring = openKeyring();
  const isOwn = keyring.session !== '' && keyring.rooms.includes(token) && globalThis.isSecureContext;
  const owner = isOwn ? session(keyring.session, { place: location, now: REAL.now, nonce: randomId }) : null;
  const visit = new Visit({ token, door, owner, store, call, around: REAL });

  /** What can be known before anyone joins; an invitation to nothing says so. @returns {Promise<Details>} */
  async function read() {
    try {
      if (!token) return refuse(TEXT.gone);
      const view = await door.look(token);
      const key = keyOfFragment(location.hash);
      const details = view.context && key && globalThis.isSecureContext ? await openDetails(key, view.context) : null;
      const title = details?.name || view.name;
      if (title) store.dispatch({ type: 'title', title });
      if (details) return details;
      return { ...NOTHING_SAID, description: view.context ? (globalThis.isSecureContext ? NO_KEY : NO_CRYPTO) : '' };
    } catch (error) {
      return refuse(wordsFor(error));
    }
  }

  /** @param {string} text */
  function refuse(text) {
    store.dispatch({ type: 'refused', problem: { needs: '', text } });
    return NOTHING_SAID;
  }

  return { visit, read };
}
