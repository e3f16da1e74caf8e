/**
 * Bytes as text and back: hexadecimal, base64 and its URL-safe form.
 *
 * Source: RFC 4648.
 */

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function utf8(text) {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** @param {Uint8Array} bytes @returns {string} */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer> | null} `null` if it is not pairs of hexadecimal digits.
 */
export function fromHex(text) {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** @param {Uint8Array} bytes @returns {string} */
export function toBase64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** URL-safe, without padding. @param {Uint8Array} bytes @returns {string} */
export function toBase64Url(bytes) {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * Reads either alphabet, padded or not.
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer> | null} `null` if it is no base64.
 */
export function fromBase64(text) {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, ''));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
