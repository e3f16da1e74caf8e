/**
 * How long to wait before trying again: doubling, capped, and scattered so
 * that a room full of pages does not come back in the same instant.
 */

/** The upper end of the first wait. */
export const FIRST_DELAY_MS = 500;

/** The upper end of every later wait. */
export const DELAY_MAX_MS = 12_000;

/**
 * The wait before attempt number `attempt` (0 is the first retry): between half
 * and all of a doubling ceiling.
 * @param {number} attempt
 * @param {number} random  From 0 up to 1.
 * @returns {number} Milliseconds.
 */
export function delayBefore(attempt, random) {
  const ceiling = Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 20));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}
