/**
 * What a private room is about: name, description, links. Only people with the
 * key can read it; the key stands in the fragment of the room's address, which
 * browsers never send.
 *
 * Source: docs/protocols/rooms.md (context of a room), NIST SP 800-38D.
 */

import { fromBase64, toBase64, toBase64Url, utf8 } from './bytes.js';

/** The one algorithm, by the name it has on the wire. */
export const ALGORITHM = 'AES-GCM';
/** Bytes of a room's key. */
export const KEY_BYTES = 16;
/** Bytes in front of the encrypted text. */
export const IV_BYTES = 12;
/** Bits of the tag behind it. */
const TAG_BITS = 128;
/** The longest encrypted value that is looked at, in characters. */
export const VALUE_CHARS_MAX = 200_000;
/** The longest name or description that is shown. */
export const TEXT_CHARS_MAX = 2_000;
/** Links that are shown at most. */
export const LINKS_MAX = 20;

/** @typedef {{url: string, text: string}} RoomLink  `url` is http or https. */
/** @typedef {{name: string, description: string, links: RoomLink[]}} Details */
/** @typedef {{value: string, alg: string, wrappedKey: string}} Context */

/** @returns {Uint8Array<ArrayBuffer>} */
export function newKey() {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

/**
 * The key in the fragment of an address.
 * @param {string} fragment  With or without its `#`.
 * @returns {Uint8Array<ArrayBuffer> | null} `null` if there is none.
 */
export function keyOfFragment(fragment) {
  const bytes = fromBase64(fragment.replace(/^#/, ''));
  return bytes?.length === KEY_BYTES ? bytes : null;
}

/** @param {Uint8Array} key @returns {string} */
export function fragmentOf(key) {
  return `#${toBase64Url(key)}`;
}

/**
 * Encrypts bytes under a key: base64 of a fresh IV and the sealed bytes.
 * @param {Uint8Array<ArrayBuffer>} key
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<string>}
 */
export async function seal(key, bytes) {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(way(iv), await usable(key, 'encrypt'), bytes);
  const all = new Uint8Array(IV_BYTES + sealed.byteLength);
  all.set(iv);
  all.set(new Uint8Array(sealed), IV_BYTES);
  return toBase64(all);
}

/**
 * @param {Uint8Array<ArrayBuffer>} key
 * @param {string} value
 * @returns {Promise<Uint8Array<ArrayBuffer> | null>} `null` if this key does not open it.
 */
export async function unseal(key, value) {
  const all = value.length <= VALUE_CHARS_MAX ? fromBase64(value) : null;
  if (!all || all.length <= IV_BYTES) return null;
  try {
    const opened = await crypto.subtle.decrypt(way(all.slice(0, IV_BYTES)), await usable(key, 'decrypt'), all.slice(IV_BYTES));
    return new Uint8Array(opened);
  } catch {
    return null;
  }
}

/**
 * Encrypts what a room is about under its key, and its key under that of its owner.
 * @param {Uint8Array<ArrayBuffer>} key
 * @param {Uint8Array<ArrayBuffer>} ownersKey
 * @param {Details} details
 * @returns {Promise<Context>}
 */
export async function sealDetails(key, ownersKey, details) {
  const urls = details.links.map(({ url, text }) => ({ location: url, description: text }));
  const plain = JSON.stringify({ roomName: details.name, description: details.description, urls });
  return { value: await seal(key, utf8(plain)), alg: ALGORITHM, wrappedKey: await seal(ownersKey, key) };
}

/**
 * @param {Uint8Array<ArrayBuffer>} key
 * @param {Context} context
 * @returns {Promise<Details | null>} `null` if this key does not open it.
 */
export async function openDetails(key, { alg, value }) {
  const plain = alg === ALGORITHM ? await unseal(key, value) : null;
  if (!plain) return null;
  try {
    return readDetails(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain)));
  } catch {
    return null;
  }
}

/**
 * Checks what somebody with the key has written.
 * @param {unknown} value
 * @returns {Details}
 */
export function readDetails(value) {
  const fields = recordOf(value);
  const urls = Array.isArray(fields.urls) ? fields.urls : [];
  return {
    name: textOf(fields.roomName),
    description: textOf(fields.description),
    links: urls.slice(0, LINKS_MAX).flatMap((entry) => {
      const url = webAddress(textOf(typeof entry === 'string' ? entry : recordOf(entry).location));
      return url ? [{ url, text: textOf(recordOf(entry).description) || url }] : [];
    }),
  };
}

/**
 * The address, if it is one a link may have: http or https, without credentials.
 * @param {string} text
 * @returns {string} `''` otherwise.
 */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) && !url.username && !url.password ? url.href : '';
  } catch {
    return '';
  }
}

/** @param {Uint8Array<ArrayBuffer>} iv */
function way(iv) {
  return { name: ALGORITHM, iv, tagLength: TAG_BITS };
}

/** @param {Uint8Array<ArrayBuffer>} key @param {'encrypt' | 'decrypt'} use */
function usable(key, use) {
  return crypto.subtle.importKey('raw', key, ALGORITHM, false, [use]);
}

/** @param {unknown} value @returns {Readonly<Record<string, unknown>>} */
function recordOf(value) {
  return typeof value === 'object' && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value @returns {string} */
function textOf(value) {
  return typeof value === 'string' ? value.slice(0, TEXT_CHARS_MAX) : '';
}
