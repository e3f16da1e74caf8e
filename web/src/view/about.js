/**
 * What a private room is about, as far as it is links. The addresses were
 * checked when they were read; the words are text.
 */

import { make } from './dom.js';

/** @typedef {import('../wire/context.js').RoomLink} RoomLink */

/** @param {readonly RoomLink[]} links */
export function aboutView(links) {
  for (const place of document.querySelectorAll('.about-room')) {
    const list = place.querySelector('ul');
    if (!(place instanceof HTMLElement) || !list) continue;
    list.replaceChildren(...links.map(itemOf));
    place.hidden = links.length === 0;
  }
}

/** @param {RoomLink} link */
function itemOf({ url, text }) {
  const anchor = make('a', '', text);
  anchor.href = url;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer nofollow';
  const item = make('li');
  item.append(anchor);
  return item;
}
