/**
 * The part of the landing page that makes private rooms, and lists those that
 * this browser has made.
 */

import { button, byId, make, setText } from './dom.js';
import { Refused } from '../net/rooms.js';
import { TEXT } from '../visit.js';
import { webAddress } from '../wire/context.js';

/** @typedef {import('../owner.js').Owner} Owner */
/** @typedef {import('../owner.js').Listed} Listed */

/** Rooms that are listed; older ones still work by their links. */
const LISTED_MAX = 20;
/** The name of a room that has none. */
const NAMELESS = 'A private room';

/** @param {Owner} owner */
export function privateView(owner) {
  const section = byId('private', HTMLElement);
  const name = byId('private-name', HTMLInputElement);
  const link = byId('private-link', HTMLInputElement);
  const size = byId('private-size', HTMLSelectElement);
  const done = byId('private-done', HTMLElement);
  const url = byId('private-url', HTMLInputElement);
  const list = byId('private-list', HTMLUListElement);
  const progress = byId('private-progress', HTMLElement);
  const problem = byId('private-problem', HTMLElement);

  section.hidden = false;
  showRooms().catch((error) => console.warn('no list of rooms:', error));
  byId('private-copy', HTMLButtonElement).addEventListener('click', copy);
  byId('make-private', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    work('Making the room…', create);
  });

  async function create() {
    const address = webAddress(link.value.trim());
    const links = address ? [{ url: address, text: address }] : [];
    const made = await owner.create({ name: name.value.trim(), description: '', links }, Number(size.value));
    url.value = made.link;
    byId('private-open', HTMLAnchorElement).href = made.link;
    done.hidden = false;
    url.focus();
    url.select();
    await showRooms();
    return 'Your room is ready.';
  }

  /** @param {Listed} room */
  async function remove(room) {
    await owner.remove(room.token);
    if (url.value === room.link) done.hidden = true;
    await showRooms();
    name.focus();
    return `${room.name || NAMELESS} is deleted.`;
  }

  async function copy() {
    const copied = await navigator.clipboard?.writeText(url.value).then(() => true, () => false);
    url.select();
    setText(progress, copied ? 'The link is in your clipboard.' : 'Press Ctrl C to copy the link.');
  }

  async function showRooms() {
    const rooms = (await owner.rooms()).slice(0, LISTED_MAX);
    list.replaceChildren(...rooms.map(itemOf));
    byId('private-own', HTMLElement).hidden = rooms.length === 0;
  }

  /** @param {Listed} room */
  function itemOf(room) {
    const way = make('a');
    way.href = room.link;
    way.append(make('strong', '', room.name || NAMELESS), make('span', 'badge', room.people === 1 ? '1 person' : `${room.people} people`));
    const away = button('Delete', () => work('Deleting the room…', () => remove(room)));
    away.setAttribute('aria-label', `Delete ${room.name || NAMELESS}`);
    const item = make('li');
    item.append(way, away);
    return item;
  }

  /** One thing at a time, and its outcome in words. @param {string} meanwhile @param {() => Promise<string>} act */
  async function work(meanwhile, act) {
    // Disabled buttons would lose the focus.
    if (section.ariaBusy === 'true') return;
    section.ariaBusy = 'true';
    setText(problem, '');
    setText(progress, meanwhile);
    try {
      setText(progress, await act());
    } catch (error) {
      console.warn(error);
      setText(progress, '');
      const said = error instanceof Refused ? error.refusal.text : '';
      setText(problem, said ? `The server said: ${said}` : TEXT.unreachable);
    } finally {
      section.ariaBusy = 'false';
    }
  }
}
