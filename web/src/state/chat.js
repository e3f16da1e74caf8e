/**
 * The conversation beside the call: what was said, what is unread, who may
 * read it. Pure. Source: docs/protocols/galene.md §3.10.
 */

/** @typedef {import('../wire/messages.js').Chat} ChatMessage */

/** Lines kept; the oldest go first. */
export const LINES_MAX = 500;

/**
 * @typedef {object} Line
 * @property {string} key  Unique on this page.
 * @property {string} id  The server's id, or `''`.
 * @property {string} source
 * @property {string} name
 * @property {boolean} mine
 * @property {boolean} action  A `/me` line.
 * @property {string} to  For a private line: the other side's name as addressee, else `''`.
 * @property {boolean} private
 * @property {number | null} time
 * @property {string} text
 */

/**
 * @typedef {object} ChatState
 * @property {readonly Line[]} lines
 * @property {number} unread
 * @property {number} count  How many lines were ever added; makes keys.
 * @property {ReadonlySet<string>} mine  Every client id this page has had.
 */

/** @type {ChatState} */
export const EMPTY_CHAT = { lines: [], unread: 0, count: 0, mine: new Set() };

/**
 * Adds a message of the server. History seen before (after coming back) is not
 * added twice.
 * @param {ChatState} chat
 * @param {ChatMessage} message
 * @param {boolean} reading  Whether the conversation is in view.
 * @returns {ChatState}
 */
export function hear(chat, message, reading) {
  if (message.id && chat.lines.some((line) => line.id === message.id)) return chat;
  if (message.kind === 'caption' || !message.value) return chat;
  const mine = chat.mine.has(message.source);
  return add(chat, {
    id: message.id,
    source: message.source,
    name: message.username,
    mine,
    action: message.kind === 'me',
    to: '',
    private: message.dest !== '',
    time: message.time,
    text: message.value,
  }, reading || mine || message.history);
}

/**
 * Adds our own private line, which the server does not send back.
 * @param {ChatState} chat
 * @param {{source: string, name: string, to: string, action: boolean, text: string, time: number}} own
 * @returns {ChatState}
 */
export function sayPrivately(chat, own) {
  return add(chat, { ...own, id: '', mine: true, private: true }, true);
}

/**
 * Removes what a `clearchat` names: everything, all of one person, or one line.
 * @param {ChatState} chat
 * @param {ReadonlyMap<string, unknown>} which
 * @returns {ChatState}
 */
export function clear(chat, which) {
  const id = which.get('id');
  const person = which.get('userId');
  if (id === undefined && person === undefined) return { ...chat, lines: [], unread: 0 };
  const lines = chat.lines.filter((line) => (id === undefined ? line.source !== person : line.id !== id));
  return { ...chat, lines, unread: Math.min(chat.unread, lines.length) };
}

/**
 * Nothing is unread any more.
 * @param {ChatState} chat
 * @returns {ChatState}
 */
export function read(chat) {
  return chat.unread === 0 ? chat : { ...chat, unread: 0 };
}

/**
 * What a typed text asks for. A leading slash that is no command is plain text.
 * @param {string} typed
 * @returns {{kind: '' | 'me', text: string}}
 */
export function readTyped(typed) {
  const text = typed.trim();
  const me = /^\/me\s+([\s\S]+)$/.exec(text);
  if (me?.[1]) return { kind: 'me', text: me[1] };
  return { kind: '', text: text.startsWith('//') ? text.slice(1) : text };
}

/**
 * @param {ChatState} chat
 * @param {Omit<Line, 'key'>} line
 * @param {boolean} seen
 * @returns {ChatState}
 */
function add(chat, line, seen) {
  const lines = [...chat.lines, { ...line, key: String(chat.count) }].slice(-LINES_MAX);
  return { ...chat, lines, count: chat.count + 1, unread: seen ? chat.unread : chat.unread + 1 };
}
