/**
 * One stream is one peer connection, and the sender offers. `UpPeer` sends,
 * `DownPeer` receives; both heal themselves when the media path breaks.
 *
 * Owns the RTCPeerConnection. Knows no roster and no page; speaks through the
 * `send` it is given. Source: docs/protocols/galene.md §§3.7-3.9, 3.14.
 */

/** @typedef {import('../wire/messages.js').Outgoing} Outgoing */
/** @typedef {import('../state/room.js').Condition} Condition */

/** Candidates kept while their description has not come yet. */
export const EARLY_CANDIDATES_MAX = 64;
/** A path that is only disturbed gets this long before it is restarted. */
export const DISTURBED_MS = 4_000;
/** The wait after the first restart; it doubles with each further one. */
export const HEAL_AGAIN_MS = 5_000;
/** The longest wait between restarts. */
export const HEAL_AGAIN_MAX_MS = 40_000;

/**
 * @typedef {object} PeerOptions
 * @property {string} id
 * @property {RTCConfiguration} rtc
 * @property {(message: Outgoing) => void} send
 * @property {(condition: Condition) => void} onCondition
 * @property {(error: unknown) => void} onFault  The stream cannot go on.
 */

class Peer {
  /** @type {RTCIceCandidateInit[]} */
  #early = [];
  /** @type {Promise<void>} */
  #steps = Promise.resolve();
  #heals = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  closed = false;

  /** @param {PeerOptions} options */
  constructor(options) {
    this.id = options.id;
    this.options = options;
    this.pc = new RTCPeerConnection(options.rtc);
    this.pc.onicecandidate = ({ candidate }) => {
      // The end of candidates has no message of its own; a null one would be a fault.
      if (candidate?.candidate) options.send({ type: 'ice', id: this.id, candidate: candidate.toJSON() });
    };
    this.pc.onconnectionstatechange = () => this.#look();
  }

  /** @param {RTCIceCandidateInit} candidate */
  addCandidate(candidate) {
    this.step(async () => {
      if (this.pc.remoteDescription) await this.#add(candidate);
      else if (this.#early.length < EARLY_CANDIDATES_MAX) this.#early.push(candidate);
    });
  }

  close() {
    this.closed = true;
    clearTimeout(this.#timer);
    this.pc.onicecandidate = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  /** Makes a new path through the network; each direction does it its own way. */
  heal() {}

  /**
   * Runs steps one after the other, so that descriptions never overtake each other.
   * @param {() => Promise<void>} step
   */
  step(step) {
    this.#steps = this.#steps.then(async () => {
      if (this.closed) return;
      try {
        await step();
      } catch (error) {
        if (!this.closed) this.options.onFault(error);
      }
    });
  }

  /** @param {RTCSessionDescriptionInit} description */
  async remote(description) {
    await this.pc.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await this.#add(candidate);
  }

  /** @param {RTCIceCandidateInit} candidate */
  async #add(candidate) {
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      console.warn('candidate not usable', error);
    }
  }

  #look() {
    clearTimeout(this.#timer);
    switch (this.pc.connectionState) {
      case 'connected':
        this.#heals = 0;
        this.options.onCondition('connected');
        break;
      case 'disconnected':
        this.#timer = setTimeout(() => this.#heal(), DISTURBED_MS);
        break;
      case 'failed':
        this.options.onCondition('failed');
        this.#heal();
        break;
    }
  }

  #heal() {
    if (this.closed) return;
    this.heal();
    const wait = Math.min(HEAL_AGAIN_MAX_MS, HEAL_AGAIN_MS * 2 ** this.#heals);
    this.#heals += 1;
    this.#timer = setTimeout(() => {
      if (this.pc.connectionState !== 'connected') this.#heal();
    }, wait);
  }
}

/**
 * @typedef {object} UpOptions
 * @property {string} label
 * @property {string} replace
 * @property {string} source
 * @property {string} username
 * @property {readonly {track: MediaStreamTrack, encodings: RTCRtpEncodingParameters[]}[]} tracks
 */

/** Sends one stream. */
export class UpPeer extends Peer {
  direction = /** @type {const} */ ('up');
  #up;
  #first = true;
  #waiting = false;
  #again = false;
  #restart = false;

  /** @param {PeerOptions & UpOptions} options */
  constructor(options) {
    super(options);
    this.#up = options;
    this.label = options.label;
    this.media = new MediaStream(options.tracks.map((entry) => entry.track));
    for (const { track, encodings } of options.tracks) {
      this.pc.addTransceiver(track, { direction: 'sendonly', streams: [this.media], sendEncodings: encodings });
    }
  }

  /**
   * Offers, or offers again once the answer to the last offer is there.
   * @param {boolean} [restart]  With a new path through the network.
   */
  negotiate(restart = false) {
    this.#restart ||= restart;
    this.step(async () => {
      if (this.#waiting) {
        this.#again = true;
        return;
      }
      if (this.#restart) this.pc.restartIce();
      this.#restart = false;
      await this.pc.setLocalDescription(await this.pc.createOffer());
      this.#waiting = true;
      const { label, source, username, replace } = this.#up;
      const first = this.#first;
      this.#first = false;
      this.options.send({
        type: 'offer', id: this.id, kind: first ? '' : 'renegotiate', label, source, username,
        sdp: this.pc.localDescription?.sdp ?? '', ...(first && replace ? { replace } : {}),
      });
    });
  }

  /** @param {string} sdp */
  answered(sdp) {
    this.step(async () => {
      if (!this.#waiting) return;
      await this.remote({ type: 'answer', sdp });
      this.#waiting = false;
      if (this.#again) {
        this.#again = false;
        this.negotiate();
      }
    });
  }

  /** @override */
  heal() {
    // A lost answer must not block the repair for ever.
    if (this.#waiting) {
      this.step(async () => {
        if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
        this.#waiting = false;
        this.#again = false;
      });
    }
    this.negotiate(true);
  }

  /**
   * Puts another track of the same kind in place, or silence with `null`.
   * @param {'audio' | 'video'} kind
   * @param {MediaStreamTrack | null} track
   * @returns {Promise<boolean>} Whether this stream has a place for that kind.
   */
  async swap(kind, track) {
    const transceiver = this.pc.getTransceivers().find((item) => kindOf(item) === kind);
    if (!transceiver) return false;
    await transceiver.sender.replaceTrack(track);
    for (const old of this.media.getTracks()) if (old.kind === kind) this.media.removeTrack(old);
    if (track) this.media.addTrack(track);
    return true;
  }
}

/** Receives one stream. */
export class DownPeer extends Peer {
  direction = /** @type {const} */ ('down');
  media = new MediaStream();
  /** Whether a first packet of any track has come. */
  flowing = false;
  #onMedia;

  /** @param {PeerOptions & {onMedia: () => void}} options */
  constructor(options) {
    super(options);
    this.#onMedia = options.onMedia;
  }

  /** @param {string} sdp */
  offered(sdp) {
    this.step(async () => {
      await this.remote({ type: 'offer', sdp });
      await this.pc.setLocalDescription(await this.pc.createAnswer());
      this.options.send({ type: 'answer', id: this.id, sdp: this.pc.localDescription?.sdp ?? '' });
      this.#gather();
    });
  }

  /** @override */
  heal() {
    this.options.send({ type: 'renegotiate', id: this.id });
  }

  /** Brings `media` in line with what is being received now. */
  #gather() {
    const wanted = new Set(this.pc.getTransceivers()
      .filter((item) => item.currentDirection === 'recvonly' || item.currentDirection === 'sendrecv')
      .map((item) => item.receiver.track));
    for (const track of this.media.getTracks()) if (!wanted.has(track)) this.media.removeTrack(track);
    for (const track of wanted) {
      this.media.addTrack(track);
      // Received tracks are mute until something arrives.
      track.onunmute = () => this.#flows();
      this.flowing ||= !track.muted;
    }
    this.#onMedia();
  }

  #flows() {
    if (this.flowing || this.closed) return;
    this.flowing = true;
    this.#onMedia();
  }
}

/** @param {RTCRtpTransceiver} transceiver */
function kindOf(transceiver) {
  return transceiver.receiver.track.kind;
}
