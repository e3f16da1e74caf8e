/**
 * Stand-ins for what browsers bring along, as far as peers and streams use it.
 */

export class FakeTrack {
  /** @param {'audio' | 'video'} kind */
  constructor(kind) {
    this.kind = kind;
  }
}

export class FakeMediaStream {
  /** @param {FakeTrack[]} [tracks] */
  constructor(tracks = []) {
    this.tracks = new Set(tracks);
  }
  getTracks() { return [...this.tracks]; }
  getAudioTracks() { return this.getTracks().filter((track) => track.kind === 'audio'); }
  getVideoTracks() { return this.getTracks().filter((track) => track.kind === 'video'); }
  addTrack(/** @type {FakeTrack} */ track) { this.tracks.add(track); }
  removeTrack(/** @type {FakeTrack} */ track) { this.tracks.delete(track); }
}

export class FakePeerConnection {
  /** @type {FakePeerConnection[]} */
  static all = [];
  /** @type {string[]} */
  log = [];
  connectionState = 'new';
  signalingState = 'stable';
  /** @type {any} */
  localDescription = null;
  /** @type {any} */
  remoteDescription = null;
  /** @type {any[]} */
  transceivers = [];
  /** @type {any} */
  onicecandidate = null;
  /** @type {any} */
  onconnectionstatechange = null;
  offers = 0;

  constructor() {
    FakePeerConnection.all.push(this);
  }

  addTransceiver(/** @type {any} */ track) {
    this.transceivers.push({ receiver: { track: { kind: track.kind } }, sender: { replaceTrack: async (/** @type {any} */ next) => this.log.push(`replace ${next?.kind ?? 'none'}`) } });
  }
  getTransceivers() { return this.transceivers; }
  restartIce() { this.log.push('restart'); }
  async createOffer() { return { type: 'offer', sdp: `offer ${(this.offers += 1)}` }; }
  async createAnswer() { return { type: 'answer', sdp: 'our answer' }; }
  async setLocalDescription(/** @type {any} */ description) {
    this.log.push(`local ${description.type}`);
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
    if (description.type !== 'rollback') this.localDescription = description;
  }
  async setRemoteDescription(/** @type {any} */ description) {
    if (description.sdp === 'broken') throw new Error('broken');
    this.log.push(`remote ${description.type}`);
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
    this.remoteDescription = description;
    if (description.type === 'offer' && this.transceivers.length === 0) {
      for (const kind of /** @type {const} */ (['audio', 'video'])) this.transceivers.push({ currentDirection: 'recvonly', receiver: { track: new FakeTrack(kind) } });
    }
  }
  async addIceCandidate(/** @type {any} */ candidate) { this.log.push(`candidate ${candidate.candidate}`); }
  close() { this.log.push('close'); }

  /** @param {string} state */
  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** Puts the stand-ins where browsers have the real ones. */
export function install() {
  Object.assign(globalThis, { RTCPeerConnection: FakePeerConnection, MediaStream: FakeMediaStream });
  FakePeerConnection.all = [];
}

/** Lets all promises that can go on go on. */
export async function settle() {
  for (let i = 0; i < 30; i += 1) await null;
}
