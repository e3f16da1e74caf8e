/**
 * Posts reports one after the other, in the order in which things happened.
 *
 * Owns the queue. A report that is refused or does not get through is given
 * up: the server counts them, and nothing depends on a single one.
 */

import { delayBefore } from './backoff.js';
import { isPassing } from './rooms.js';

/** @typedef {import('./rooms.js').Report} Report */
/**
 * Time and chance, as arguments so that tests can hold them still.
 * @typedef {object} Around
 * @property {(ms: number, then: () => void) => () => void} after  Returns how to cancel.
 * @property {() => number} random
 */

/** Reports that may wait; further ones are dropped. */
export const REPORTS_MAX = 64;
/** How often one report is tried. */
export const REPORT_TRIES = 3;

export class Reporter {
  #post;
  #around;
  /** @type {Promise<void>} */
  #last = Promise.resolve();
  #waiting = 0;

  /** @param {(report: Report) => Promise<void>} post @param {Around} around */
  constructor(post, around) {
    this.#post = post;
    this.#around = around;
  }

  /** @param {Report} report */
  add(report) {
    if (this.#waiting >= REPORTS_MAX) return;
    this.#waiting += 1;
    this.#last = this.#last.then(() => this.#deliver(report)).finally(() => {
      this.#waiting -= 1;
    });
  }

  /** Until every report so far is delivered or given up, or this much time has passed. @param {number} ms */
  flushed(ms) {
    return Promise.race([this.#last, pause(ms, this.#around)]);
  }

  /** @param {Report} report */
  async #deliver(report) {
    for (let tried = 0; tried < REPORT_TRIES; tried += 1) {
      try {
        return await this.#post(report);
      } catch (error) {
        if (!isPassing(error)) return console.warn('report refused:', String(error));
        await pause(delayBefore(tried, this.#around.random()), this.#around);
      }
    }
  }
}

/** @param {number} ms @param {Around} around @returns {Promise<void>} */
function pause(ms, around) {
  return new Promise((resolve) => {
    around.after(ms, resolve);
  });
}
