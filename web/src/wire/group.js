/**
 * The room's name in the address of the page, and the way back.
 *
 * Source: docs/protocols/galene.md §§2.1, 5.4.
 */

/**
 * The room named by a path such as `/group/team/daily/`, or `''` if it names none.
 * @param {string} path
 * @returns {string}
 */
export function roomOfPath(path) {
  const match = /^\/group\/(.+?)\/*$/.exec(path);
  if (!match?.[1]) return '';
  try {
    const name = match[1].split('/').map(decodeURIComponent).join('/');
    return problemWithName(name) ? '' : name;
  } catch {
    return '';
  }
}

/**
 * The path of the page of a room.
 * @param {string} name
 * @returns {string}
 */
export function pathOfRoom(name) {
  return `/group/${name.split('/').map(encodeURIComponent).join('/')}/`;
}

/**
 * Why a text cannot name a room, or `''` if it can.
 * @param {string} name
 * @returns {string}
 */
export function problemWithName(name) {
  if (!name) return 'Please enter the name of a room.';
  if (name.includes('\\')) return 'A room name cannot contain a backslash.';
  const parts = name.split('/');
  if (parts.some((part) => part === '')) return 'A room name cannot begin or end with a slash.';
  if (parts.some((part) => part.startsWith('.'))) return 'No part of a room name can begin with a dot.';
  return '';
}

/**
 * A title for a room that has none of its own.
 * @param {string} name
 * @returns {string}
 */
export function titleOfName(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
