/**
 * The rooms door from outside: an owner who makes rooms and looks into them,
 * and a record of everything a page sends.
 */

import { PATIENCE_MS } from './browser.mjs';
import { Owner as OwnersPage } from '../../web/src/owner.js';
import { RoomsDoor } from '../../web/src/net/rooms.js';
import { authorization, keysOf } from '../../web/src/wire/hawk.js';

/** How often something is looked at that has no event of its own. */
const LOOK_EVERY_MS = 100;

/** @param {string} origin */
function doorOf(origin) {
  return new RoomsDoor(undefined, (path, init) => fetch(origin + path, init));
}

/** Somebody with a Hawk session who owns rooms. */
export class Owner {
  #page;
  #kept = new Map();

  /** @param {string} origin */
  constructor(origin) {
    this.origin = origin;
    const storage = { getItem: (name) => this.#kept.get(name) ?? null, setItem: (name, value) => this.#kept.set(name, value) };
    this.#page = new OwnersPage({ door: doorOf(origin), place: new URL(origin), now: Date.now, nonce: () => crypto.randomUUID(), storage });
  }

  /**
   * Makes a room.
   * @param {{name?: string, description?: string, links?: {url: string, text: string}[], size?: number}} [room]
   * @returns {Promise<{token: string, link: string, path: string, key: string}>}
   */
  async create({ name = 'Tea', description = '', links = [], size = 5 } = {}) {
    const { token, link } = await this.#page.create({ name, description, links }, size);
    const url = new URL(link);
    return { token, link, path: url.pathname + url.hash, key: url.hash.slice(1) };
  }

  /** @param {string} token */
  remove(token) {
    return this.#page.remove(token);
  }

  /** The room as its owner sees it. @param {string} token @returns {Promise<any>} */
  async look(token) {
    const { session } = JSON.parse([...this.#kept.values()][0]);
    const { hostname, port } = new URL(this.origin);
    const path = `/v0/rooms/${token}`;
    const signed = { method: 'GET', path, host: hostname, port: Number(port), ts: Math.floor(Date.now() / 1000), nonce: crypto.randomUUID() };
    const reply = await fetch(this.origin + path, { headers: { authorization: await authorization(await keysOf(session), signed) } });
    if (!reply.ok) throw new Error(`looking at the room: ${reply.status} ${await reply.text()}`);
    return reply.json();
  }

  /** Waits until these people, and no others, are in the room. @param {string} token @param {string[]} names */
  async seesInside(token, names) {
    const wanted = JSON.stringify([...names].sort());
    let inside = '';
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
      inside = JSON.stringify((await this.look(token)).participants.map((one) => one.displayName).sort());
      if (inside === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    throw new Error(`inside are ${inside}, not ${wanted}`);
  }
}

/** Takes a place in a room without any page. @param {string} origin @param {string} token @param {string} displayName */
export function joinByRest(origin, token, displayName) {
  return doorOf(origin).join(token, displayName, 100);
}

/** Everything a page sends over the network, and what was answered to its requests. */
export class Record {
  /** @type {{method: string, url: string, headers: Record<string, string>, body: string, status: number}[]} */
  requests = [];
  /** @type {string[]} */
  frames = [];
  #wake = new Set();

  /** For `Party.open`. */
  watch = (page) => {
    page.on('request', (request) => {
      const one = { method: request.method(), url: request.url(), headers: request.headers(), body: request.postData() ?? '', status: 0 };
      this.requests.push(one);
      // The complete headers, as they go out, are known a little later.
      request.allHeaders().then((headers) => Object.assign(one, { headers }), () => {});
      request.response().then((response) => {
        one.status = response?.status() ?? 0;
        for (const wake of this.#wake) wake();
      }, () => {});
    });
    page.on('websocket', (socket) => {
      this.requests.push({ method: 'GET', url: socket.url(), headers: {}, body: '', status: 101 });
      socket.on('framesent', ({ payload }) => this.frames.push(String(payload)));
    });
  };

  /** The actions that the door has answered, in order. @returns {{action: string, status: number, [field: string]: any}[]} */
  actions() {
    return this.requests.filter(({ url, body }) => /\/rooms\//.test(url) && body).map(({ body, status }) => ({ ...JSON.parse(body), status })).filter(({ status }) => status);
  }

  /** The reported states that the server has taken, in order. */
  states() {
    return this.actions().filter(({ action, status }) => action === 'status' && status === 204).map(({ state }) => state);
  }

  /** Waits until the answers are so. @param {(record: Record) => boolean} so */
  async until(so) {
    if (so(this)) return;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not so: ${so}; ${JSON.stringify(this.actions())}`)), PATIENCE_MS);
      const look = () => {
        if (!so(this)) return;
        clearTimeout(timer);
        this.#wake.delete(look);
        resolve();
      };
      this.#wake.add(look);
    });
  }
}
