/**
 * All streams of one visit to the room: those we send, those we receive.
 *
 * Turns stream messages into peers and tells the state what came and went.
 * Lives from one `joined` to the loss of the link; a new visit has new streams.
 */

import { randomId } from '../net/socket.js';
import { DownPeer, UpPeer } from './peer.js';

/** @typedef {import('../wire/messages.js').Outgoing} Outgoing */
/** @typedef {import('../wire/messages.js').Incoming} Incoming */
/** @typedef {import('../wire/messages.js').Offer} Offer */
/** @typedef {import('../state/room.js').RoomEvent} RoomEvent */
/** @typedef {import('./peer.js').UpOptions} UpOptions */

/** Streams received at once; a server that offers more is refused each further one. */
export const DOWN_STREAMS_MAX = 512;

/**
 * @typedef {object} Visit
 * @property {string} id  Our client id.
 * @property {string} username  As the server spelled it.
 * @property {RTCConfiguration} rtc
 */

export class Streams {
  /** @type {Map<string, UpPeer>} */
  #ups = new Map();
  /** @type {Map<string, {peer: DownPeer, label: string, source: string, name: string}>} */
  #downs = new Map();
  #visit;
  #send;
  #dispatch;

  /**
   * @param {Visit} visit
   * @param {(message: Outgoing) => void} send
   * @param {(event: RoomEvent) => void} dispatch
   */
  constructor(visit, send, dispatch) {
    this.#visit = visit;
    this.#send = send;
    this.#dispatch = dispatch;
  }

  /** Takes the network configuration of a later `joined`. @param {RTCConfiguration} rtc */
  configure(rtc) {
    this.#visit = { ...this.#visit, rtc };
  }

  /**
   * Sends a stream; with `replace` in place of an earlier one.
   * @param {string} label
   * @param {UpOptions['tracks']} tracks
   * @param {string} [replace]
   * @returns {string} The id of the stream.
   */
  publish(label, tracks, replace = '') {
    const id = randomId();
    const old = this.#ups.get(replace);
    if (old) {
      this.#ups.delete(replace);
      old.close();
    }
    const { id: source, username, rtc } = this.#visit;
    const peer = new UpPeer({
      id, rtc, label, tracks, source, username, replace: old ? replace : '',
      send: this.#send,
      onCondition: (condition) => this.#dispatch({ type: 'stream-condition', id, condition }),
      onFault: (error) => {
        console.warn('cannot send stream', error);
        this.#dispatch({ type: 'notice', kind: 'error', text: 'Your stream could not be sent.' });
        this.unpublish(id);
      },
    });
    this.#ups.set(id, peer);
    this.#dispatch({
      type: 'stream', replace,
      stream: {
        id, direction: 'up', label, source, name: username, condition: 'connecting', flowing: true,
        audio: tracks.some((entry) => entry.track.kind === 'audio'),
        video: tracks.some((entry) => entry.track.kind === 'video'),
      },
    });
    peer.negotiate();
    return id;
  }

  /** Ends a stream we send. @param {string} id */
  unpublish(id) {
    const peer = this.#ups.get(id);
    if (!peer) return;
    this.#ups.delete(id);
    peer.close();
    this.#send({ type: 'close', id });
    this.#dispatch({ type: 'stream-gone', id });
  }

  /** @param {string} id @returns {UpPeer | undefined} */
  up(id) {
    return this.#ups.get(id);
  }

  /**
   * Handles a message about a stream.
   * @param {Incoming} message
   */
  handle(message) {
    switch (message.type) {
      case 'offer': return this.#offered(message);
      case 'answer': return this.#ups.get(message.id)?.answered(message.sdp);
      case 'ice': return (this.#ups.get(message.id) ?? this.#downs.get(message.id)?.peer)?.addCandidate(message.candidate);
      case 'renegotiate': return this.#ups.get(message.id)?.negotiate(true);
      case 'close': return this.#drop(message.id);
      case 'abort': return this.unpublish(message.id);
      case 'user': return message.kind === 'delete' ? this.#forget(message.id) : undefined;
    }
  }

  /** Asks for new paths for everything; the hand-operated repair. */
  renegotiateAll() {
    for (const up of this.#ups.values()) up.negotiate(true);
    for (const id of this.#downs.keys()) this.#send({ type: 'renegotiate', id });
  }

  /** Closes everything without telling anyone; the visit is over. */
  closeAll() {
    for (const up of this.#ups.values()) up.close();
    for (const { peer } of this.#downs.values()) peer.close();
    this.#ups.clear();
    this.#downs.clear();
  }

  /** @param {string} id @returns {MediaStream | null} */
  mediaOf(id) {
    return this.#ups.get(id)?.media ?? this.#downs.get(id)?.peer.media ?? null;
  }

  /** What we receive, for measuring loudness. @returns {Iterable<{source: string, label: string, peer: DownPeer}>} */
  received() {
    return this.#downs.values();
  }

  /**
   * Every stream with its connection, for tests and for people who look inside.
   * @returns {{id: string, direction: 'up' | 'down', label: string, source: string, pc: RTCPeerConnection}[]}
   */
  list() {
    const ups = [...this.#ups.values()].map((peer) => ({
      id: peer.id, direction: peer.direction, label: peer.label, source: this.#visit.id, pc: peer.pc,
    }));
    const downs = [...this.#downs.values()].map(({ peer, label, source }) => ({
      id: peer.id, direction: peer.direction, label, source, pc: peer.pc,
    }));
    return [...ups, ...downs];
  }

  /** @param {Offer} offer */
  #offered(offer) {
    const known = this.#downs.get(offer.id);
    if (known) {
      known.peer.offered(offer.sdp);
      return;
    }
    if (this.#ups.has(offer.id) || this.#downs.size >= DOWN_STREAMS_MAX) {
      this.#send({ type: 'abort', id: offer.id });
      return;
    }
    this.#downs.get(offer.replace)?.peer.close();
    this.#downs.delete(offer.replace);
    const { id, label, source, username: name } = offer;
    const peer = new DownPeer({
      id, rtc: this.#visit.rtc, send: this.#send,
      onCondition: (condition) => this.#dispatch({ type: 'stream-condition', id, condition }),
      onMedia: () => this.#show(id),
      onFault: (error) => {
        console.warn('cannot receive stream', error);
        this.#send({ type: 'abort', id });
        this.#drop(id);
      },
    });
    this.#downs.set(id, { peer, label, source, name });
    this.#dispatch({
      type: 'stream', replace: offer.replace,
      stream: { id, direction: 'down', label, source, name, condition: 'connecting', audio: false, video: false, flowing: false },
    });
    peer.offered(offer.sdp);
  }

  /** Tells the state which kinds of media a stream has now. @param {string} id */
  #show(id) {
    const down = this.#downs.get(id);
    if (!down) return;
    const { peer, label, source, name } = down;
    const condition = peer.pc.connectionState === 'connected' ? 'connected' : 'connecting';
    this.#dispatch({
      type: 'stream', replace: '',
      stream: {
        id, direction: 'down', label, source, name, condition,
        audio: peer.media.getAudioTracks().length > 0,
        video: peer.media.getVideoTracks().length > 0,
        flowing: peer.flowing,
      },
    });
  }

  /** @param {string} id */
  #drop(id) {
    const down = this.#downs.get(id);
    if (!down) return;
    this.#downs.delete(id);
    down.peer.close();
    this.#dispatch({ type: 'stream-gone', id });
  }

  /** Whoever left sends nothing any more, even if the server forgot to say so. @param {string} source */
  #forget(source) {
    for (const [id, down] of this.#downs) if (down.source === source) this.#drop(id);
  }
}
