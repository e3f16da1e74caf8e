/**
 * Everything the page knows about the call, and how each event changes it.
 *
 * Pure: no clock, no socket, no document. People and streams come from the
 * server only; what is here is thrown away and rebuilt whenever we come back.
 * Source: docs/protocols/galene.md §§3.3-3.12.
 */

import { EMPTY_CHAT, clear, hear, read, sayPrivately } from './chat.js';

/** @typedef {import('../wire/messages.js').Incoming} Incoming */
/** @typedef {import('../wire/messages.js').Joined} Joined */
/** @typedef {import('../wire/messages.js').User} User */
/** @typedef {import('../wire/messages.js').UserMessage} UserMessage */
/** @typedef {import('./chat.js').ChatState} ChatState */

/**
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {ReadonlySet<string>} permissions
 * @property {boolean} hand  Raised hand.
 * @property {boolean} muted
 * @property {boolean} cameraOff
 */

/** @typedef {'connecting' | 'connected' | 'failed'} Condition */

/**
 * @typedef {object} StreamState
 * @property {string} id
 * @property {'up' | 'down'} direction
 * @property {string} label  `camera`, `screenshare`, `video` or whatever its owner says.
 * @property {string} source  The client id of its owner.
 * @property {string} name  The name of its owner.
 * @property {boolean} audio
 * @property {boolean} video
 * @property {Condition} condition
 * @property {boolean} flowing  Whether media has come through.
 */

/** @typedef {'info' | 'warning' | 'error'} NoticeKind */
/** @typedef {{id: number, kind: NoticeKind, text: string}} Notice */

/**
 * What our own devices do.
 * @typedef {object} Local
 * @property {boolean} hasMic
 * @property {boolean} hasCamera
 * @property {boolean} micOn
 * @property {boolean} cameraOn
 * @property {boolean} sharing
 */

/**
 * Where we are: before the call, on the way in, in it, on the way back, out.
 * @typedef {'lobby' | 'joining' | 'joined' | 'returning' | 'left'} Phase
 */

/** @typedef {'' | 'chat' | 'people' | 'help'} Panel */
/** @typedef {{needs: '' | 'password' | 'username', text: string}} JoinProblem */

/**
 * @typedef {object} RoomState
 * @property {Phase} phase
 * @property {number} retryAt  When the next attempt is made, 0 if one is under way.
 * @property {JoinProblem | null} problem  Why we are not in.
 * @property {string} farewell  Shown after leaving.
 * @property {string} group  As the page names the room, `''` if it does not.
 * @property {string} title
 * @property {boolean} locked
 * @property {string} id
 * @property {string} name
 * @property {ReadonlySet<string>} permissions
 * @property {ReadonlyMap<string, Person>} people
 * @property {ReadonlyMap<string, StreamState>} streams
 * @property {ReadonlySet<string>} speaking  Client ids.
 * @property {Local} local
 * @property {ChatState} chat
 * @property {Panel} panel
 * @property {readonly Notice[]} notices
 * @property {number} noticeCount
 */

/**
 * @typedef {{type: 'joining'}
 *   | {type: 'opened', id: string}
 *   | {type: 'lost'}
 *   | {type: 'waiting', retryAt: number}
 *   | {type: 'refused', problem: JoinProblem}
 *   | {type: 'left', farewell: string}
 *   | {type: 'message', message: Incoming}
 *   | {type: 'title', title: string}
 *   | {type: 'stream', stream: StreamState, replace: string}
 *   | {type: 'stream-gone', id: string}
 *   | {type: 'stream-condition', id: string, condition: Condition}
 *   | {type: 'local', local: Partial<Local>}
 *   | {type: 'speaking', ids: ReadonlySet<string>}
 *   | {type: 'said-privately', dest: string, action: boolean, text: string, time: number}
 *   | {type: 'panel', panel: Panel}
 *   | {type: 'notice', kind: NoticeKind, text: string}
 *   | {type: 'dismiss', id: number}} RoomEvent
 */

/** Notices shown at once; the oldest go first. */
export const NOTICES_MAX = 4;

/**
 * The state before anything happened.
 * @param {string} group
 * @param {string} title
 * @returns {RoomState}
 */
export function emptyRoom(group, title) {
  return {
    phase: 'lobby', retryAt: 0, problem: null, farewell: '',
    group, title, locked: false, id: '', name: '', permissions: new Set(),
    people: new Map(), streams: new Map(), speaking: new Set(),
    local: { hasMic: false, hasCamera: false, micOn: false, cameraOn: false, sharing: false },
    chat: EMPTY_CHAT, panel: '', notices: [], noticeCount: 0,
  };
}

/**
 * The state after an event.
 * @param {RoomState} state
 * @param {RoomEvent} event
 * @returns {RoomState}
 */
export function reduceRoom(state, event) {
  switch (event.type) {
    case 'joining': return { ...state, phase: 'joining', problem: null, farewell: '', retryAt: 0 };
    case 'opened': return opened(state, event.id);
    case 'lost': return lost(state);
    case 'waiting': return { ...state, retryAt: event.retryAt };
    case 'refused': return { ...gone(state), phase: 'lobby', problem: event.problem };
    case 'left': return { ...gone(state), phase: 'left', farewell: event.farewell };
    case 'message': return receive(state, event.message);
    case 'title': return { ...state, title: event.title };
    case 'stream': return { ...state, streams: withStream(state.streams, event.stream, event.replace) };
    case 'stream-gone': return { ...state, streams: without(state.streams, event.id) };
    case 'stream-condition': return condition(state, event.id, event.condition);
    case 'local': return { ...state, local: { ...state.local, ...event.local } };
    case 'speaking': return { ...state, speaking: event.ids };
    case 'said-privately': return saidPrivately(state, event);
    case 'panel': return { ...state, panel: event.panel, chat: event.panel === 'chat' ? read(state.chat) : state.chat };
    case 'notice': return notice(state, event.kind, event.text);
    case 'dismiss': return { ...state, notices: state.notices.filter((item) => item.id !== event.id) };
  }
}

/**
 * How an attempt to join that the server refused goes on.
 * @param {{error: string, value: string}} refusal
 * @param {{wasIn: boolean, password: string, token: string}} attempt  What we tried; `wasIn` if we had been in before.
 * @returns {{again: boolean, problem: JoinProblem}}
 */
export function judgeRefusal(refusal, attempt) {
  const text = refusal.value || 'The server refused without a reason.';
  if (refusal.error === 'need-username') {
    return { again: false, problem: { needs: 'username', text: 'Please enter a name.' } };
  }
  if (refusal.error === 'duplicate-username') {
    return { again: false, problem: { needs: 'username', text: 'This name is taken. Please choose another one.' } };
  }
  if (text === 'not authorised') {
    if (attempt.token) return { again: false, problem: { needs: '', text: 'This invitation is not valid, or not any more.' } };
    const why = attempt.password ? 'The name or the password is wrong.' : 'This room needs a password.';
    return { again: false, problem: { needs: 'password', text: why } };
  }
  // After a loss these pass by themselves: our old seat, or a server still waking up.
  const passing = text === 'internal server error' || text === 'too many users';
  return { again: attempt.wasIn && passing, problem: { needs: '', text: sentence(text) } };
}

/** @param {RoomState} state @param {string} id @returns {RoomState} */
function opened(state, id) {
  const mine = new Set(state.chat.mine).add(id);
  return { ...state, id, retryAt: 0, chat: { ...state.chat, mine } };
}

/** People stay on the page, greyed, until we are back and know better. @param {RoomState} state @returns {RoomState} */
function lost(state) {
  const phase = state.phase === 'joined' || state.phase === 'returning' ? 'returning' : state.phase;
  return { ...state, phase, streams: new Map(), speaking: new Set() };
}

/** @param {RoomState} state @returns {RoomState} */
function gone(state) {
  return {
    ...state, id: '', retryAt: 0, permissions: new Set(), people: new Map(),
    streams: new Map(), speaking: new Set(), problem: null, panel: '',
  };
}

/** @param {RoomState} state @param {Incoming} message @returns {RoomState} */
function receive(state, message) {
  switch (message.type) {
    case 'joined': return joined(state, message);
    case 'user': return user(state, message);
    case 'chat': return { ...state, chat: hear(state.chat, message, state.panel === 'chat') };
    case 'usermessage': return told(state, message);
    default: return state;
  }
}

/** @param {RoomState} state @param {Joined} message @returns {RoomState} */
function joined(state, message) {
  if (message.kind !== 'join' && message.kind !== 'change') return state;
  // Without a name of our own for the room, the server's is right.
  if (state.group && message.group !== state.group) return state;
  const fresh = message.kind === 'join';
  return {
    ...state,
    phase: fresh ? 'joined' : state.phase,
    problem: null,
    retryAt: 0,
    name: message.username,
    permissions: new Set(message.permissions),
    title: message.status.displayName || state.title,
    locked: message.status.locked,
    people: fresh ? new Map() : state.people,
    streams: fresh ? new Map() : state.streams,
  };
}

/** @param {RoomState} state @param {User} message @returns {RoomState} */
function user(state, message) {
  if (message.kind === 'delete') {
    const streams = new Map([...state.streams].filter(([, stream]) => stream.direction === 'up' || stream.source !== message.id));
    return { ...state, people: without(state.people, message.id), streams };
  }
  const people = new Map(state.people);
  people.set(message.id, {
    id: message.id,
    name: message.username,
    permissions: new Set(message.permissions),
    hand: Boolean(message.data.get('raisehand')),
    muted: Boolean(message.data.get('muted')),
    cameraOff: Boolean(message.data.get('cameraoff')),
  });
  return { ...state, people };
}

/** @param {RoomState} state @param {UserMessage} message @returns {RoomState} */
function told(state, message) {
  const { kind, text } = message;
  if (kind === 'clearchat') {
    return message.privileged ? { ...state, chat: clear(state.chat, message.fields) } : state;
  }
  if (kind !== 'error' && kind !== 'warning' && kind !== 'info') return state;
  if (!message.privileged || !text) return state;
  return notice(state, kind, message.source && message.username ? `${message.username}: ${text}` : sentence(text));
}

/** @param {RoomState} state @param {string} id @param {Condition} to @returns {RoomState} */
function condition(state, id, to) {
  const stream = state.streams.get(id);
  if (!stream || stream.condition === to) return state;
  return { ...state, streams: withStream(state.streams, { ...stream, condition: to }, '') };
}

/**
 * @param {RoomState} state
 * @param {{dest: string, action: boolean, text: string, time: number}} said
 * @returns {RoomState}
 */
function saidPrivately(state, said) {
  const to = state.people.get(said.dest)?.name ?? '';
  const { action, text, time } = said;
  return { ...state, chat: sayPrivately(state.chat, { source: state.id, name: state.name, to, action, text, time }) };
}

/** @param {RoomState} state @param {NoticeKind} kind @param {string} text @returns {RoomState} */
function notice(state, kind, text) {
  const others = state.notices.filter((item) => item.text !== text);
  const notices = [...others, { id: state.noticeCount, kind, text }].slice(-NOTICES_MAX);
  return { ...state, notices, noticeCount: state.noticeCount + 1 };
}

/**
 * Adds a stream; a replacement takes the place of the one it replaces.
 * @param {ReadonlyMap<string, StreamState>} streams
 * @param {StreamState} stream
 * @param {string} replace
 */
function withStream(streams, stream, replace) {
  if (!replace || !streams.has(replace)) return new Map(streams).set(stream.id, stream);
  return new Map([...streams].map(([id, old]) => (id === replace ? [stream.id, stream] : [id, old])));
}

/**
 * @template Value
 * @param {ReadonlyMap<string, Value>} map
 * @param {string} key
 * @returns {ReadonlyMap<string, Value>}
 */
function without(map, key) {
  if (!map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** @param {string} text @returns {string} */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
