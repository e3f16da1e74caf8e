/**
 * Making private rooms and deleting them, as the owner.
 *
 * Owns the session that the server gave this browser: makes one when there is
 * none, and another when the server has forgotten it. Source: docs/protocols/rooms.md.
 */

import { keepKeyring, openKeyring } from './keyring.js';
import { Refused, RoomsDoor } from './net/rooms.js';
import { session } from './net/signer.js';
import { REAL, randomId } from './net/socket.js';
import { KEY_BYTES, fragmentOf, newKey, openDetails, sealDetails, unseal } from './wire/context.js';
import { ERRNO } from './wire/rooms.js';

/** @typedef {import('./wire/context.js').Details} Details */
/** @typedef {import('./wire/rooms.js').OwnRoom} OwnRoom */
/** @typedef {{token: string, link: string, name: string, people: number}} Listed */

/** Who made a room is nobody's business; this is what others send who think so too. */
const NO_NAME = '-';

/**
 * @typedef {object} Around
 * @property {RoomsDoor} door
 * @property {{hostname: string, port: string, protocol: string}} place
 * @property {() => number} now
 * @property {() => string} nonce
 * @property {Pick<Storage, 'getItem' | 'setItem'>} [storage]
 */

export class Owner {
  #around;

  /** @param {Around} [around] */
  constructor(around = { door: new RoomsDoor(), place: location, now: REAL.now, nonce: randomId }) {
    this.#around = around;
  }

  /** Whether this server has private rooms. */
  isPossible() {
    return this.#around.door.isOpen();
  }

  /**
   * Makes a room.
   * @param {Details} details
   * @param {number} maxSize
   * @returns {Promise<{token: string, link: string}>} The link holds the key of the room.
   */
  async create(details, maxSize) {
    const key = newKey();
    const { key: ownersKey } = this.#keyring();
    const context = await sealDetails(key, ownersKey, details);
    const { token, url } = await this.#signed((door) => door.create({ roomOwner: NO_NAME, maxSize, context }));
    const keyring = this.#keyring();
    this.#keep({ ...keyring, key: ownersKey, rooms: [...keyring.rooms, token] });
    return { token, link: url + fragmentOf(key) };
  }

  /** The rooms made by this browser, the newest first; none without a session. @returns {Promise<Listed[]>} */
  async rooms() {
    const { session: known, key } = this.#keyring();
    if (!known) return [];
    const rooms = await this.#as(known).list();
    return Promise.all(rooms.reverse().map((room) => listed(room, key)));
  }

  /** Deletes a room. @param {string} token */
  async remove(token) {
    await this.#signed((door) => door.remove(token));
    const keyring = this.#keyring();
    this.#keep({ ...keyring, rooms: keyring.rooms.filter((room) => room !== token) });
  }

  /**
   * Asks in our name; with a new session if the old one is not known any more.
   * @template Answer
   * @param {(door: RoomsDoor) => Promise<Answer>} ask
   * @returns {Promise<Answer>}
   */
  async #signed(ask) {
    const { session: known } = this.#keyring();
    if (!known) return ask(await this.#fresh());
    try {
      return await ask(this.#as(known));
    } catch (error) {
      const forgotten = error instanceof Refused && error.refusal.errno === ERRNO.badCredentials;
      if (!forgotten) throw error;
      return ask(await this.#fresh());
    }
  }

  async #fresh() {
    const token = await this.#around.door.register();
    this.#keep({ ...this.#keyring(), session: token });
    return this.#as(token);
  }

  /** @param {string} token */
  #as(token) {
    const { door, place, now, nonce } = this.#around;
    return door.as(session(token, { place, now, nonce }));
  }

  #keyring() {
    return openKeyring(this.#around.storage);
  }

  /** @param {import('./keyring.js').Keyring} keyring */
  #keep(keyring) {
    keepKeyring(keyring, this.#around.storage);
  }
}

/** The room with its name and whole link, as far as the owner's key opens them. @param {OwnRoom} room @param {Uint8Array<ArrayBuffer>} ownersKey @returns {Promise<Listed>} */
async function listed({ token, url, name, people, context }, ownersKey) {
  const key = context ? await unseal(ownersKey, context.wrappedKey) : null;
  if (!context || key?.length !== KEY_BYTES) return { token, link: url, name, people };
  const details = await openDetails(key, context);
  return { token, link: url + fragmentOf(key), name: details?.name || name, people };
}
