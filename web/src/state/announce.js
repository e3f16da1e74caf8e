/**
 * What someone who cannot see the page should hear about: who comes and goes,
 * who raises a hand, what is written while the chat is closed. Pure.
 */

/** @typedef {import('./room.js').RoomState} RoomState */

/** Said in one go at most; in a crowd nobody wants to hear every name. */
export const ANNOUNCED_MAX = 3;

/**
 * Sentences about the difference between two states.
 * @param {RoomState} before
 * @param {RoomState} after
 * @returns {string[]}
 */
export function announcements(before, after) {
  if (before.phase !== after.phase) return phaseWords(after);
  if (after.phase !== 'joined') return [];
  /** @type {string[]} */
  const said = [];
  if (before.people !== after.people) said.push(...comings(before, after));
  if (before.chat !== after.chat && after.panel !== 'chat') {
    const known = new Set(before.chat.lines.map((line) => line.key));
    for (const line of after.chat.lines) if (!known.has(line.key) && !line.mine) said.push(`${nameOf(line)} writes: ${line.text}`);
  }
  return said.length > ANNOUNCED_MAX ? [...said.slice(0, ANNOUNCED_MAX), 'and more'] : said;
}

/** @param {RoomState} state */
function phaseWords({ phase }) {
  switch (phase) {
    case 'joined': return ['You are in the call.'];
    case 'returning': return ['The connection was lost.'];
    default: return [];
  }
}

/** @param {RoomState} before @param {RoomState} after */
function comings(before, after) {
  /** @type {string[]} */
  const said = [];
  // Until we ourselves are listed, the server is still telling who was there before us.
  const settled = before.people.has(after.id);
  for (const person of after.people.values()) {
    const old = before.people.get(person.id);
    if (settled && !old) said.push(`${nameOf(person)} came in.`);
    if (settled && person.hand && !old?.hand && person.id !== after.id) said.push(`${nameOf(person)} raises a hand.`);
  }
  for (const person of before.people.values()) if (!after.people.has(person.id)) said.push(`${nameOf(person)} left.`);
  return said;
}

/** @param {{name: string}} someone */
function nameOf({ name }) {
  return name.trim() || 'Guest';
}
