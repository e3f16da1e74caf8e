/**
 * Who is speaking, from a row of loudness readings. Pure.
 */

/** Loudness (0 to 1) from which someone counts as speaking. */
export const SPEAKING_FROM = 0.015;
/** How long someone stays marked after the last loud reading. */
export const HOLD_MS = 900;

/**
 * @typedef {ReadonlyMap<string, number>} LastLoud  Client id to the time of its last loud reading.
 */

/**
 * Takes in one round of readings.
 * @param {LastLoud} last
 * @param {Iterable<readonly [string, number]>} readings  Client id and loudness.
 * @param {number} now
 * @returns {LastLoud}
 */
export function listen(last, readings, now) {
  /** @type {Map<string, number>} */
  const next = new Map();
  for (const [id, loudness] of readings) {
    if (loudness >= SPEAKING_FROM) next.set(id, now);
    else {
      const before = last.get(id);
      if (before !== undefined && now - before < HOLD_MS && !next.has(id)) next.set(id, before);
    }
  }
  return next;
}

/**
 * Whether two sets name the same people.
 * @param {ReadonlySet<string>} a
 * @param {ReadonlySet<string>} b
 * @returns {boolean}
 */
export function samePeople(a, b) {
  return a.size === b.size && [...a].every((id) => b.has(id));
}
