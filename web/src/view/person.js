/**
 * What a person looks like without a picture, and how a nameless one is called. Pure.
 */

/** Colours for faces in themes/colours.css. */
export const TONES = 8;

/** @param {string} name @returns {string} */
export function shownName(name) {
  return name.trim() || 'Guest';
}

/**
 * One or two letters for a face.
 * @param {string} name
 * @returns {string}
 */
export function initials(name) {
  const words = shownName(name).split(/[\s._-]+/u).filter(Boolean);
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? [...(words.at(-1) ?? '')][0] ?? '' : '';
  return (first + last).toLocaleUpperCase();
}

/**
 * The class of a person's colour: the same name has the same one everywhere.
 * @param {string} name
 * @returns {string}
 */
export function tone(name) {
  let sum = 7;
  for (const character of shownName(name)) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return `tone-${sum % TONES}`;
}
