/**
 * Short notices at the foot of the page; they go by themselves, errors later.
 */

import { byId, icon, make } from './dom.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */

/** How long an information or a warning stays. */
const SHOWN_MS = 6_000;
/** How long an error stays. */
const ERROR_SHOWN_MS = 15_000;

/**
 * @param {(id: number) => void} dismiss
 * @returns {(state: RoomState) => void}
 */
export function noticesView(dismiss) {
  const box = byId('notices', HTMLElement);
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map();
  return (state) => {
    const ids = new Set(state.notices.map((notice) => notice.id));
    for (const [id, element] of shown) {
      if (ids.has(id)) continue;
      element.remove();
      shown.delete(id);
    }
    for (const { id, kind, text } of state.notices) {
      if (shown.has(id)) continue;
      const element = make('div', `notice ${kind}`);
      const close = make('button', 'quiet icon-only');
      close.type = 'button';
      close.setAttribute('aria-label', 'Dismiss');
      close.append(icon('close'));
      close.addEventListener('click', () => dismiss(id));
      element.append(make('p', '', text), close);
      box.append(element);
      shown.set(id, element);
      setTimeout(() => dismiss(id), kind === 'error' ? ERROR_SHOWN_MS : SHOWN_MS);
    }
  };
}
