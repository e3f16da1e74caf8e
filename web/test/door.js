/**
 * A rooms door that answers from a script, and time that moves when told to.
 */

import { RoomsDoor } from '../src/net/rooms.js';

/** @typedef {{method: string, path: string, headers: Record<string, string>, body: any, keepalive: boolean}} Seen */

/** @param {number} status @param {unknown} [body] @param {Record<string, string>} [headers] */
export function answer(status, body, headers = {}) {
  return new Response(body === undefined || status === 204 ? null : JSON.stringify(body), { status, headers });
}

/** @param {number} status @param {number} errno */
export function refusal(status, errno) {
  return answer(status, { code: status, errno, error: 'no' });
}

/**
 * @param {(seen: Seen) => Response | Promise<Response> | Error} respond
 */
export function fakeDoor(respond) {
  /** @type {Seen[]} */
  const seen = [];
  const door = new RoomsDoor(undefined, async (path, init) => {
    const one = {
      method: init.method ?? 'GET', path, keepalive: init.keepalive === true,
      headers: /** @type {Record<string, string>} */ (init.headers ?? {}),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : null,
    };
    seen.push(one);
    const response = await respond(one);
    if (response instanceof Error) throw response;
    return response;
  });
  return { door, seen };
}

/** Time that stands still between the moments a test names. */
export function stillTime() {
  let now = 0;
  /** @type {{at: number, then: () => void}[]} */
  let timers = [];
  return {
    random: () => 0,
    /** @param {number} ms @param {() => void} then */
    after(ms, then) {
      const timer = { at: now + ms, then };
      timers.push(timer);
      return () => {
        timers = timers.filter((item) => item !== timer);
      };
    },
    /** When the timers ring, from now. */
    due: () => timers.map((timer) => timer.at - now).sort((a, b) => a - b),
    /** @param {number} ms */
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        now = next.at;
        timers = timers.filter((timer) => timer !== next);
        next.then();
        await quiet();
      }
      now = end;
      await quiet();
    },
  };
}

/** Lets everything that can go on at once go on. */
export async function quiet() {
  for (let i = 0; i < 12; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for what takes a thread of its own, such as a signature. @param {() => boolean} so */
export async function until(so) {
  while (!so()) await new Promise((resolve) => setImmediate(resolve));
}
