/**
 * The list of people, with what each is doing and what can be done.
 */

import { button, byId, icon, make, setText } from './dom.js';
import { initials, shownName, tone } from './person.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../state/room.js').Person} Person */

/** The name under which the server's recorder is present. Source: docs/protocols/galene.md §3.5. */
const RECORDER = 'RECORDING';

/**
 * @typedef {object} PeopleActions
 * @property {(id: string) => void} writeTo
 * @property {(kind: string, id: string) => void} moderate
 * @property {(kind: string) => void} govern
 * @property {() => void} invite
 */

/**
 * Shows the list.
 * @param {PeopleActions} actions
 * @returns {(state: RoomState) => void}
 */
export function peopleView(actions) {
  const list = byId('people', HTMLUListElement);
  const lock = byId('toggle-lock', HTMLButtonElement);
  const count = byId('head-count', HTMLElement);
  /** @type {Map<string, {element: HTMLLIElement, face: string}>} */
  const rows = new Map();
  let locked = false;

  const record = byId('toggle-record', HTMLButtonElement);
  const clearChat = byId('clear-chat', HTMLButtonElement);
  const invite = byId('invite', HTMLButtonElement);
  let recording = false;

  lock.addEventListener('click', () => actions.govern(locked ? 'unlock' : 'lock'));
  record.addEventListener('click', () => actions.govern(recording ? 'unrecord' : 'record'));
  clearChat.addEventListener('click', () => actions.govern('clearchat'));
  invite.addEventListener('click', actions.invite);

  return (state) => {
    const people = [...state.people.values()];
    const humans = people.filter((person) => !person.permissions.has('system')).length;
    setText(count, humans === 1 ? '1 person' : `${humans} people`);
    locked = state.locked;
    byId('room-locked', HTMLElement).hidden = !locked;
    recording = people.some((person) => person.permissions.has('system') && person.name === RECORDER);
    byId('recording', HTMLElement).hidden = !recording;
    lock.hidden = clearChat.hidden = !state.permissions.has('op');
    record.hidden = !state.permissions.has('record');
    invite.hidden = !state.permissions.has('token');
    setText(record, recording ? 'Stop recording' : 'Start recording');
    setText(lock, locked ? 'Unlock the room' : 'Lock the room');
    if (state.panel !== 'people') return;
    for (const [id, row] of rows) {
      if (state.people.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    people.sort((a, b) => order(a, b, state.id));
    for (const [index, person] of people.entries()) {
      const doing = doingOf(state, person);
      const face = JSON.stringify([person.name, [...person.permissions], doing, state.permissions.has('op')]);
      let row = rows.get(person.id);
      // Rows are rebuilt only when they look different, so that an open menu stays open.
      if (!row || row.face !== face) {
        const element = rowOf(state, person, doing, actions);
        if (row) row.element.replaceWith(element);
        row = { element, face };
        rows.set(person.id, row);
      }
      row.element.classList.toggle('speaking', state.speaking.has(person.id));
      const place = list.children[index] ?? null;
      if (place !== row.element) list.insertBefore(row.element, place);
    }
  };
}

/** Ourselves first, then raised hands, then by name. @param {Person} a @param {Person} b @param {string} own */
function order(a, b, own) {
  const first = (/** @type {Person} */ person) => (person.id === own ? 0 : person.hand ? 1 : 2);
  return first(a) - first(b) || a.name.localeCompare(b.name);
}

/**
 * @typedef {{hand: boolean, muted: boolean, camera: boolean, screen: boolean, sends: boolean}} Doing
 */

/** @param {RoomState} state @param {Person} person @returns {Doing} */
function doingOf(state, person) {
  const own = person.id === state.id;
  const streams = [...state.streams.values()].filter((stream) => stream.source === person.id);
  const camera = streams.find((stream) => stream.label === 'camera');
  return {
    hand: person.hand,
    sends: streams.length > 0,
    muted: !camera?.audio || (own ? !state.local.micOn : person.muted),
    camera: Boolean(camera?.video) && !(own ? !state.local.cameraOn : person.cameraOff),
    screen: streams.some((stream) => stream.label === 'screenshare'),
  };
}

/** @param {RoomState} state @param {Person} person @param {Doing} doing @param {PeopleActions} actions */
function rowOf(state, person, doing, actions) {
  const own = person.id === state.id;
  const row = make('li', `person ${tone(person.name)}`);
  const dot = make('span', 'dot', initials(person.name));
  dot.setAttribute('aria-hidden', 'true');
  const who = make('div', 'who');
  who.append(make('span', '', own ? `${shownName(person.name)} (you)` : shownName(person.name)));
  const role = person.permissions.has('system') ? 'system' : person.permissions.has('op') ? 'moderator' : doing.sends ? '' : 'listening';
  if (role) who.append(make('span', 'role', role));
  const states = make('span', 'states');
  if (doing.hand) {
    const up = icon('hand', 'raised hand', true);
    up.classList.add('up');
    states.append(up);
  }
  if (doing.screen) states.append(icon('screen', 'shares a screen', true));
  states.append(icon(doing.camera ? 'camera' : 'camera-off', doing.camera ? 'camera on' : 'camera off', true));
  states.append(icon(doing.muted ? 'mic-off' : 'mic', doing.muted ? 'muted' : 'microphone on', true));
  row.append(dot, who, states);
  const menu = own || person.permissions.has('system') ? null : menuOf(state, person, actions);
  if (menu) row.append(menu);
  return row;
}

/** @param {RoomState} state @param {Person} person @param {PeopleActions} actions */
function menuOf(state, person, actions) {
  const menu = make('details', 'menu');
  const summary = make('summary');
  summary.setAttribute('aria-label', `Actions for ${shownName(person.name)}`);
  summary.append(icon('more'));
  const items = make('div', 'items');
  /** @param {string} text @param {() => void} act */
  const item = (text, act) => items.append(button(text, () => {
    menu.open = false;
    act();
  }));
  item('Write privately', () => actions.writeTo(person.id));
  if (state.permissions.has('op')) {
    const presents = person.permissions.has('present');
    const moderates = person.permissions.has('op');
    item('Mute', () => actions.moderate('mute', person.id));
    item(presents ? 'Stop from presenting' : 'Allow to present', () => actions.moderate(presents ? 'unpresent' : 'present', person.id));
    item(moderates ? 'Take moderator role' : 'Make moderator', () => actions.moderate(moderates ? 'unop' : 'op', person.id));
    item('Remove from the call', () => actions.moderate('kick', person.id));
  }
  menu.append(summary, items);
  menu.addEventListener('focusout', (event) => {
    if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  return menu;
}
