/**
 * Hawk: signs requests with a key made from a session token.
 *
 * Needs WebCrypto, so a secure context. Knows no clock and no chance: time and
 * nonce are arguments. Source: docs/protocols/rooms.md (authentication), RFC 5869.
 */

import { fromHex, toBase64, toHex, utf8 } from './bytes.js';

/** What the key material is for. */
const INFO = 'identity.mozilla.com/picl/v1/sessionToken';
/** The form of a session token. */
const TOKEN = /^[0-9a-f]{64}$/i;
/** A media type counts in lower case and without its parameters. */
const JSON_TYPE = 'application/json';

/** @typedef {{id: string, key: string}} HawkKeys */
/**
 * What is signed of a request.
 * @typedef {object} Signed
 * @property {string} method
 * @property {string} path  With its query, as it is sent.
 * @property {string} host
 * @property {number} port
 * @property {number} ts  Seconds since 1970.
 * @property {string} nonce
 * @property {string} [hash]  Of the body.
 * @property {string} [ext]
 */

/** Whether a text has the form of a session token. @param {string} text */
export function isSessionToken(text) {
  return TOKEN.test(text);
}

/**
 * The name and key that a session token stands for.
 * @param {string} token
 * @returns {Promise<HawkKeys>}
 */
export async function keysOf(token) {
  const bytes = isSessionToken(token) ? fromHex(token) : null;
  if (!bytes) throw new TypeError('not a session token');
  const material = await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']);
  const way = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info: utf8(INFO) };
  const derived = toHex(new Uint8Array(await crypto.subtle.deriveBits(way, material, 512)));
  return { id: derived.slice(0, 64), key: derived.slice(64) };
}

/**
 * The hash of a body.
 * @param {string} body
 * @param {string} [type]
 * @returns {Promise<string>}
 */
export async function payloadHash(body, type = JSON_TYPE) {
  const media = (type.split(';')[0] ?? '').trim().toLowerCase();
  const bytes = utf8(`hawk.1.payload\n${media}\n${body}\n`);
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * The signature of a request, or of the answer to it.
 * @param {HawkKeys} keys
 * @param {Signed} signed
 * @param {'header' | 'response'} [what]
 * @returns {Promise<string>}
 */
export async function macOf(keys, signed, what = 'header') {
  const { method, path, host, port, ts, nonce, hash = '', ext = '' } = signed;
  const lines = [`hawk.1.${what}`, ts, nonce, method.toUpperCase(), path, host.toLowerCase(), port, hash, ext];
  // The key is the text of its digits, not the bytes they stand for.
  const way = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', utf8(keys.key), way, false, ['sign']);
  return toBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(`${lines.join('\n')}\n`))));
}

/**
 * The value of `Authorization`.
 * @param {HawkKeys} keys
 * @param {Signed} signed
 * @returns {Promise<string>}
 */
export async function authorization(keys, signed) {
  const mac = await macOf(keys, signed);
  const hash = signed.hash ? `, hash="${signed.hash}"` : '';
  const ext = signed.ext ? `, ext="${signed.ext}"` : '';
  return `Hawk id="${keys.id}", ts="${signed.ts}", nonce="${signed.nonce}"${hash}${ext}, mac="${mac}"`;
}
