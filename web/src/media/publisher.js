/**
 * Keeps what we send in line with what our devices do: one `camera` stream
 * with microphone and camera, one `screenshare` stream.
 */

import { encodingsFor } from './tracks.js';

/** @typedef {import('./local.js').LocalMedia} LocalMedia */
/** @typedef {import('./streams.js').Streams} Streams */

/** Black pictures are sent this long before a camera falls silent, so that no client shows a frozen face. */
export const FADE_MS = 250;

export class Publisher {
  #camera = '';
  #screen = '';
  /** Places the camera stream has. */
  #audio = false;
  #video = false;
  #streams;
  #local;
  #simulcast;

  /**
   * @param {Streams} streams
   * @param {LocalMedia} local
   * @param {boolean} simulcast
   */
  constructor(streams, local, simulcast) {
    this.#streams = streams;
    this.#local = local;
    this.#simulcast = simulcast;
  }

  /** Sends everything there is; after joining. */
  start() {
    this.updateCamera();
    this.updateScreen();
  }

  /** The microphone or the camera came, went, or was exchanged. */
  updateCamera() {
    const { microphone, camera } = this.#local;
    const up = this.#streams.up(this.#camera);
    if (!microphone && !camera) {
      if (up) this.#streams.unpublish(this.#camera);
      this.#camera = '';
      return;
    }
    const fits = up && (!microphone || this.#audio) && (!camera || this.#video);
    if (fits) {
      const failed = () => this.#publish();
      if (this.#audio) up.swap('audio', microphone).catch(failed);
      if (this.#video && camera) up.swap('video', camera).catch(failed);
      else if (this.#video) setTimeout(() => this.#local.camera || up.closed || up.swap('video', null).catch(failed), FADE_MS);
    } else {
      this.#publish();
    }
  }

  #publish() {
    const { microphone, camera } = this.#local;
    const tracks = [microphone, camera].flatMap((track) => (track ? [entry('camera', track, this.#simulcast)] : []));
    if (tracks.length === 0) return;
    this.#audio = microphone !== null;
    this.#video = camera !== null;
    this.#camera = this.#streams.publish('camera', tracks, this.#camera);
  }

  /** The screen came or went. */
  updateScreen() {
    const { screen } = this.#local;
    if (this.#screen) this.#streams.unpublish(this.#screen);
    this.#screen = '';
    if (!screen) return;
    const tracks = screen.getTracks().map((track) => entry('screenshare', track, false));
    this.#screen = this.#streams.publish('screenshare', tracks);
  }
}

/** @param {string} label @param {MediaStreamTrack} track @param {boolean} simulcast */
function entry(label, track, simulcast) {
  const kind = track.kind === 'audio' ? 'audio' : 'video';
  return { track, encodings: encodingsFor(label, kind, simulcast) };
}
