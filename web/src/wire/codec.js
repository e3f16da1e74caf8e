/**
 * Text frames to typed messages and back. Parsing is checking: what comes out
 * has the shape `messages.js` promises, whatever came in.
 *
 * Knows no socket and no state. Source: docs/protocols/galene.md §3.1.
 */

/** @typedef {import('./messages.js').Incoming} Incoming */
/** @typedef {import('./messages.js').Outgoing} Outgoing */
/** @typedef {Readonly<Record<string, unknown>>} Fields */

/** The largest frame read, in characters. Source: docs/protocols/galene.md §2.4. */
export const FRAME_CHARS_MAX = 1 << 20;

/** The longest text of one chat message that is shown. */
export const TEXT_CHARS_MAX = 20_000;

/** Thrown for a frame that is not a message. */
export class WireError extends Error {}

/**
 * Writes one message as the text of a frame.
 * @param {Outgoing} message
 * @returns {string}
 */
export function encode(message) {
  return JSON.stringify(message);
}

/**
 * Reads one text frame.
 * @param {unknown} text
 * @returns {Incoming}
 */
export function parse(text) {
  if (typeof text !== 'string') throw new WireError('frame is not text');
  if (text.length > FRAME_CHARS_MAX) throw new WireError('frame is too large');
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new WireError('frame is not json');
  }
  const fields = objectOf(value);
  if (!fields) throw new WireError('frame is not an object');
  const type = string(fields, 'type');
  const read = READERS.get(type);
  return read ? read(fields) : { type: 'unknown', name: type.slice(0, 40) };
}

/** @type {ReadonlyMap<string, (fields: Fields) => Incoming>} */
const READERS = new Map(/** @type {[string, (fields: Fields) => Incoming][]} */ ([
  ['handshake', (f) => ({ type: 'handshake', version: strings(f, 'version') })],
  ['ping', () => ({ type: 'ping' })],
  ['pong', () => ({ type: 'pong' })],
  ['joined', readJoined],
  ['user', readUser],
  ['offer', readOffer],
  ['answer', (f) => ({ type: 'answer', id: required(f, 'id'), sdp: string(f, 'sdp') })],
  ['ice', readIce],
  ['close', (f) => ({ type: 'close', id: required(f, 'id') })],
  ['abort', (f) => ({ type: 'abort', id: required(f, 'id') })],
  ['renegotiate', (f) => ({ type: 'renegotiate', id: required(f, 'id') })],
  ['chat', (f) => readChat(f, false)],
  ['chathistory', (f) => readChat(f, true)],
  ['usermessage', readUserMessage],
]));

/** @param {Fields} f @returns {Incoming} */
function readJoined(f) {
  const kind = string(f, 'kind');
  if (kind !== 'join' && kind !== 'change' && kind !== 'leave' && kind !== 'fail' && kind !== 'redirect') {
    throw new WireError('joined of an unknown kind');
  }
  const status = objectOf(f.status) ?? {};
  return {
    type: 'joined',
    kind,
    group: string(f, 'group'),
    username: string(f, 'username'),
    permissions: permissions(f),
    status: { displayName: string(status, 'displayName'), locked: status.locked === true },
    // Handed to RTCPeerConnection as it came; the browser checks it again.
    rtc: /** @type {RTCConfiguration} */ (objectOf(f.rtcConfiguration) ?? {}),
    error: string(f, 'error'),
    value: textOf(f.value),
  };
}

/** @param {Fields} f @returns {Incoming} */
function readUser(f) {
  const kind = string(f, 'kind');
  if (kind !== 'add' && kind !== 'change' && kind !== 'delete') {
    throw new WireError('user of an unknown kind');
  }
  return {
    type: 'user',
    kind,
    id: required(f, 'id'),
    username: string(f, 'username'),
    permissions: permissions(f),
    data: mapOf(f.data),
  };
}

/** @param {Fields} f @returns {Incoming} */
function readOffer(f) {
  return {
    type: 'offer',
    id: required(f, 'id'),
    label: string(f, 'label'),
    replace: string(f, 'replace'),
    source: string(f, 'source'),
    username: string(f, 'username'),
    sdp: string(f, 'sdp'),
  };
}

/** @param {Fields} f @returns {Incoming} */
function readIce(f) {
  const candidate = objectOf(f.candidate);
  if (!candidate) throw new WireError('ice without a candidate');
  /** @type {RTCIceCandidateInit} */
  const init = { candidate: string(candidate, 'candidate') };
  if (typeof candidate.sdpMid === 'string') init.sdpMid = candidate.sdpMid;
  if (typeof candidate.sdpMLineIndex === 'number') init.sdpMLineIndex = candidate.sdpMLineIndex;
  if (typeof candidate.usernameFragment === 'string') init.usernameFragment = candidate.usernameFragment;
  return { type: 'ice', id: required(f, 'id'), candidate: init };
}

/** @param {Fields} f @param {boolean} history @returns {Incoming} */
function readChat(f, history) {
  return {
    type: 'chat',
    history,
    kind: string(f, 'kind'),
    id: string(f, 'id'),
    source: string(f, 'source'),
    dest: string(f, 'dest'),
    username: string(f, 'username'),
    privileged: f.privileged === true,
    time: timeOf(f.time),
    value: textOf(f.value).slice(0, TEXT_CHARS_MAX),
  };
}

/** @param {Fields} f @returns {Incoming} */
function readUserMessage(f) {
  return {
    type: 'usermessage',
    kind: string(f, 'kind'),
    source: string(f, 'source'),
    username: string(f, 'username'),
    privileged: f.privileged === true,
    text: textOf(f.value).slice(0, TEXT_CHARS_MAX),
    fields: mapOf(f.value),
  };
}

/** @param {unknown} value @returns {Fields | null} */
function objectOf(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? /** @type {Fields} */ (value)
    : null;
}

/** @param {unknown} value @returns {ReadonlyMap<string, unknown>} */
function mapOf(value) {
  return new Map(Object.entries(objectOf(value) ?? {}));
}

/** @param {Fields} fields @param {string} name @returns {string} */
function string(fields, name) {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new WireError(`${name} is not text`);
  return value;
}

/** @param {Fields} fields @param {string} name @returns {string} */
function required(fields, name) {
  const value = string(fields, name);
  if (!value) throw new WireError(`${name} is missing`);
  return value;
}

/** @param {Fields} fields @param {string} name @returns {string[]} */
function strings(fields, name) {
  const value = fields[name];
  if (!Array.isArray(value)) return [];
  return value.filter((item) => typeof item === 'string');
}

/**
 * Permissions as a list; releases before 0.5 sent an object of booleans.
 * @param {Fields} fields
 * @returns {string[]}
 */
function permissions(fields) {
  const old = objectOf(fields.permissions);
  if (!old) return strings(fields, 'permissions');
  return Object.keys(old).filter((name) => old[name] === true);
}

/** @param {unknown} value @returns {string} */
function textOf(value) {
  return typeof value === 'string' ? value : '';
}

/** @param {unknown} value @returns {number | null} */
function timeOf(value) {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const time = new Date(value).getTime();
  return Number.isNaN(time) ? null : time;
}
