/**
 * The answers of the rooms door, checked: what comes out has the shape that is
 * promised here, whatever came in.
 *
 * Knows no network. Source: docs/protocols/rooms.md (endpoints, errors).
 */

/** @typedef {import('./context.js').Context} Context */
/** @typedef {{kind: 'rest', errno: number, status: number, text: string}} Refusal */
/**
 * What everybody may know of a room.
 * @typedef {object} PublicView
 * @property {string} token
 * @property {string} url
 * @property {string} owner  A name, or `-`.
 * @property {string} name  Old rooms have a plain one.
 * @property {Context | null} context
 */
/** @typedef {{sessionToken: string, expires: number}} Joined  `expires` in seconds. */
/** @typedef {{token: string, url: string}} Created */
/** @typedef {PublicView & {people: number}} OwnRoom  How its owner sees it. */

/** The prefix of all paths. */
export const PREFIX = '/v0';

/** Error numbers that mean something to people. */
export const ERRNO = Object.freeze({
  noRoom: 105, badCredentials: 110, expired: 111, tooMany: 121, backend: 201, full: 202, notInside: 203,
});

/** The form of a room token. */
const TOKEN = /^[A-Za-z0-9_-]{11}$/;

/**
 * The room that the path of a page names, `''` if it names none.
 * @param {string} path
 */
export function tokenOfPath(path) {
  const token = /^\/r\/([^/]+)\/?$/.exec(path)?.[1] ?? '';
  return TOKEN.test(token) ? token : '';
}

/** Whether a path is one of those that invitations have. @param {string} path */
export function isInvitation(path) {
  return path.startsWith('/r/');
}

/** @param {string} token */
export function pathOf(token) {
  return `${PREFIX}/rooms/${token}`;
}

/**
 * The user name of Basic is the session token, the password is empty.
 * @param {string} base64  Of token and colon.
 */
export function basic(base64) {
  return `Basic ${base64}`;
}

/** An answer that is not what was agreed. */
export class Unreadable extends Error {}

/** @param {unknown} value @returns {PublicView} */
export function readPublicView(value) {
  const fields = recordOf(value);
  const context = recordOf(fields.context);
  const sealed = typeof context.value === 'string' && typeof context.alg === 'string';
  return {
    token: need(fields, 'roomToken'),
    url: need(fields, 'roomUrl'),
    owner: textOf(fields.roomOwner),
    name: textOf(fields.roomName),
    context: sealed ? { value: textOf(context.value), alg: textOf(context.alg), wrappedKey: textOf(context.wrappedKey) } : null,
  };
}

/** The answer to a join has four members; the first two say nothing to us. @param {unknown} value @returns {Joined} */
export function readJoined(value) {
  const fields = recordOf(value);
  need(fields, 'apiKey');
  need(fields, 'sessionId');
  return { sessionToken: need(fields, 'sessionToken'), expires: seconds(fields) };
}

/** @param {unknown} value @returns {number} Seconds until the next refresh is due. */
export function readRefreshed(value) {
  return seconds(recordOf(value));
}

/** @param {unknown} value @returns {Created} */
export function readCreated(value) {
  const fields = recordOf(value);
  const url = need(fields, 'roomUrl');
  if (!isWebUrl(url)) throw new Unreadable('roomUrl is no web address');
  return { token: need(fields, 'roomToken'), url };
}

/** Rooms that cannot be read are left out. @param {unknown} value @returns {OwnRoom[]} */
export function readOwnRooms(value) {
  if (!Array.isArray(value)) throw new Unreadable('the rooms are no list');
  return value.map(recordOf).flatMap((fields) => {
    const { participants, roomToken, roomUrl } = fields;
    if (!TOKEN.test(textOf(roomToken)) || !isWebUrl(textOf(roomUrl))) return [];
    return [{ ...readPublicView(fields), people: Array.isArray(participants) ? participants.length : 0 }];
  });
}

/** @param {number} status @param {unknown} value @returns {Refusal} */
export function readRefusal(status, value) {
  const fields = recordOf(value);
  const errno = typeof fields.errno === 'number' ? fields.errno : 999;
  return { kind: 'rest', status, errno, text: textOf(fields.error) };
}

/** @param {string} url */
function isWebUrl(url) {
  return /^https?:\/\//.test(url);
}

/** @param {Readonly<Record<string, unknown>>} fields */
function seconds(fields) {
  const { expires } = fields;
  if (typeof expires !== 'number' || !Number.isFinite(expires) || expires < 0) throw new Unreadable('expires is not a number');
  return expires;
}

/** @param {Readonly<Record<string, unknown>>} fields @param {string} name @returns {string} */
function need(fields, name) {
  const value = fields[name];
  if (typeof value !== 'string' || !value) throw new Unreadable(`${name} is missing`);
  return value;
}

/** @param {unknown} value @returns {Readonly<Record<string, unknown>>} */
export function recordOf(value) {
  return typeof value === 'object' && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value @returns {string} */
export function textOf(value) {
  return typeof value === 'string' ? value : '';
}
