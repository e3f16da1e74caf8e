/**
 * The conversation: lines, and the field to write in.
 */

import { byId, make, setAttribute, setText } from './dom.js';
import { shownName } from './person.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../state/chat.js').Line} Line */

/** Lines of one person closer together than this share a heading. */
const SAME_HEADING_MS = 180_000;

/**
 * @typedef {object} ChatActions
 * @property {(dest: string, typed: string) => boolean} say
 */

/**
 * Shows the chat.
 * @param {ChatActions} actions
 * @returns {{render: (state: RoomState) => void, writeTo: (id: string) => void}}
 */
export function chatView(actions) {
  const list = byId('lines', HTMLOListElement);
  const form = byId('say', HTMLFormElement);
  const to = byId('say-to', HTMLSelectElement);
  const text = byId('say-text', HTMLTextAreaElement);
  /** @type {Map<string, HTMLLIElement>} */
  const shown = new Map();
  /** @type {ReadonlyMap<string, import('../state/room.js').Person> | null} */
  let people = null;
  /** @type {readonly Line[]} */
  let lines = [];

  function send() {
    if (!text.value.trim()) return;
    if (actions.say(to.value, text.value)) text.value = '';
    text.focus();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });

  /** @param {RoomState} state */
  function render(state) {
    if (state.people !== people) {
      people = state.people;
      fillRecipients(to, state);
    }
    text.disabled = state.phase === 'joined' && !state.permissions.has('message');
    setAttribute(text, 'placeholder', text.disabled ? 'You may read, but not write here' : to.value ? 'Only one person will read this' : 'Write a message');
    if (state.chat.lines === lines) return;
    lines = state.chat.lines;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    const keys = new Set(lines.map((line) => line.key));
    for (const [key, element] of shown) {
      if (keys.has(key)) continue;
      element.remove();
      shown.delete(key);
    }
    lines.forEach((line, index) => {
      if (shown.has(line.key)) return;
      const element = lineOf(line, lines[index - 1]);
      shown.set(line.key, element);
      list.append(element);
    });
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  to.addEventListener('change', () => text.focus());
  return {
    render,
    writeTo(id) {
      to.value = id;
      text.focus();
    },
  };
}

/** @param {HTMLSelectElement} to @param {RoomState} state */
function fillRecipients(to, state) {
  const chosen = to.value;
  const options = [new Option('everyone', '')];
  for (const person of state.people.values()) {
    if (person.id === state.id || person.permissions.has('system')) continue;
    options.push(new Option(`${shownName(person.name)} (private)`, person.id));
  }
  to.replaceChildren(...options);
  to.value = state.people.has(chosen) ? chosen : '';
}

/** @param {Line} line @param {Line | undefined} before @returns {HTMLLIElement} */
function lineOf(line, before) {
  const element = make('li', 'line');
  element.classList.toggle('mine', line.mine);
  element.classList.toggle('action', line.action);
  element.classList.toggle('private', line.private);
  if (!continues(line, before)) element.append(heading(line));
  element.append(make('span', 'text', line.action ? `${shownName(line.name)} ${line.text}` : line.text));
  return element;
}

/** @param {Line} line */
function heading(line) {
  const head = make('div', 'head');
  head.append(make('strong', '', line.mine ? 'You' : shownName(line.name)));
  if (line.private) head.append(make('span', '', line.mine ? `privately to ${shownName(line.to)}` : 'privately to you'));
  if (line.time !== null) {
    const when = make('time', '', new Date(line.time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    when.dateTime = new Date(line.time).toISOString();
    head.append(when);
  }
  return head;
}

/** @param {Line} line @param {Line | undefined} before */
function continues(line, before) {
  if (!before || before.source !== line.source || before.name !== line.name) return false;
  if (before.private !== line.private || before.to !== line.to) return false;
  return line.time === null || before.time === null || line.time - before.time < SAME_HEADING_MS;
}

/**
 * Shows how much is unread on the button that opens the chat.
 * @returns {(state: RoomState) => void}
 */
export function unreadView() {
  const count = byId('unread', HTMLElement);
  return (state) => {
    const { unread } = state.chat;
    count.hidden = unread === 0;
    setText(count, unread > 99 ? '99+' : String(unread));
    setAttribute(byId('tool-chat', HTMLButtonElement), 'aria-label', unread > 0 ? `Chat, ${unread} unread` : 'Chat');
  };
}
