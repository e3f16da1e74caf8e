/**
 * Speaks through a live region that is not seen.
 */

import { announcements } from '../state/announce.js';
import { byId, make } from './dom.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */

/** How long a sentence stays for the screen reader to pick up. */
const STAYS_MS = 10_000;

/** @returns {(state: RoomState) => void} */
export function announceView() {
  const box = byId('announcements', HTMLElement);
  /** @type {RoomState | null} */
  let before = null;
  return (state) => {
    for (const text of before ? announcements(before, state) : []) {
      const line = make('p', '', text);
      box.append(line);
      setTimeout(() => line.remove(), STAYS_MS);
    }
    before = state;
  };
}
