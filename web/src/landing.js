/**
 * The landing page: enter a room by name, choose an open one, or make a
 * private one.
 */

import { readPublicRooms } from './net/status.js';
import { byId, make } from './view/dom.js';
import { privateView } from './view/private.js';
import { Owner } from './owner.js';
import { pathOfRoom, problemWithName } from './wire/group.js';

const field = byId('room-name', HTMLInputElement);
const problem = byId('room-problem', HTMLElement);

byId('enter', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const name = field.value.trim() || field.placeholder;
  problem.textContent = problemWithName(name);
  if (!problem.textContent) location.assign(pathOfRoom(name));
});

const owner = new Owner();
if (globalThis.isSecureContext) owner.isPossible().then((possible) => possible && privateView(owner));

const rooms = await readPublicRooms();
const list = byId('room-list', HTMLUListElement);
for (const room of rooms) {
  const link = make('a');
  link.href = pathOfRoom(room.name);
  link.append(make('strong', '', room.title));
  if (room.description) link.append(make('span', 'about', room.description));
  link.append(make('span', 'badge', room.locked ? 'locked' : room.people === 1 ? '1 person' : `${room.people} people`));
  const item = make('li');
  item.append(link);
  list.append(item);
}
byId('rooms', HTMLElement).hidden = rooms.length === 0;
