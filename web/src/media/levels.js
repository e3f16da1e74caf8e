/**
 * Measures how loud everyone is, cheaply: the browser's own figures for what
 * we receive, one analyser for our microphone.
 */

/** How often loudness is read. */
export const READ_EVERY_MS = 300;
/** Streams asked for statistics in one round; with more, they take turns. */
export const READINGS_MAX = 12;

/** @typedef {import('./peer.js').DownPeer} DownPeer */

/** Loudness of one local microphone, from 0 to 1. */
export class Meter {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  #samples = new Float32Array(512);

  /** Listens to a track, or to nothing. @param {MediaStreamTrack | null} track */
  listen(track) {
    this.#source?.disconnect();
    this.#source = null;
    if (!track) return;
    try {
      this.#context ??= new AudioContext();
      this.#analyser ??= new AnalyserNode(this.#context, { fftSize: 512 });
      this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
      this.#source.connect(this.#analyser);
    } catch (error) {
      console.warn('no level meter', error);
    }
  }

  /** Browsers let sound start only after a click; call this from one. */
  wake() {
    if (this.#context?.state === 'suspended') this.#context.resume().catch(() => {});
  }

  /** @returns {number} */
  read() {
    if (!this.#analyser || !this.#source) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.min(1, Math.sqrt(sum / this.#samples.length));
  }
}

/** Reads the loudness of received streams, taking turns when there are many. */
export class Ear {
  #turn = 0;

  /**
   * @param {Iterable<{source: string, peer: DownPeer}>} streams
   * @returns {Promise<[string, number][]>} Client id and loudness.
   */
  async read(streams) {
    const all = [...streams].filter(({ peer }) => peer.media.getAudioTracks().length > 0);
    const start = all.length > READINGS_MAX ? this.#turn % all.length : 0;
    this.#turn = start + READINGS_MAX;
    const some = [...all.slice(start), ...all.slice(0, start)].slice(0, READINGS_MAX);
    return Promise.all(some.map(async ({ source, peer }) => /** @type {[string, number]} */ ([source, await loudness(peer)])));
  }
}

/** @param {DownPeer} peer @returns {Promise<number>} */
async function loudness(peer) {
  const receiver = peer.pc.getReceivers().find((item) => item.track.kind === 'audio');
  if (!receiver) return 0;
  const heard = receiver.getSynchronizationSources?.()[0]?.audioLevel;
  if (heard !== undefined) return heard;
  for (const report of (await receiver.getStats()).values()) {
    if (report.type === 'inbound-rtp' && typeof report.audioLevel === 'number') return report.audioLevel;
  }
  return 0;
}
