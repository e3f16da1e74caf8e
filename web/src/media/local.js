/**
 * Our own camera, microphone and screen while the page is open: before the
 * call for the preview, during it for sending, across every reconnection.
 *
 * Tells whoever listens that something changed; the call decides what to send.
 */

import { openDevice, openScreen } from './devices.js';
import { FADE_MS } from './publisher.js';

/** @typedef {import('./devices.js').DeviceKind} DeviceKind */
/** @typedef {import('./devices.js').DeviceProblem} DeviceProblem */
/** @typedef {'camera' | 'microphone' | 'screen'} Changed */

export class LocalMedia {
  /** @type {MediaStreamTrack | null} */
  microphone = null;
  /** @type {MediaStreamTrack | null} */
  camera = null;
  /** @type {MediaStream | null} */
  screen = null;
  /** Whether the microphone is heard; a muted one stays open. */
  micOn = false;
  /** @type {Map<DeviceKind, string>} */
  #chosen = new Map();
  /** @type {Set<DeviceKind>} */
  #opening = new Set();
  /** @type {((what: Changed, problem: DeviceProblem | null) => void)[]} */
  #listeners = [];

  /** @param {(what: Changed, problem: DeviceProblem | null) => void} listener */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** The chosen device of a kind, or `''`. @param {DeviceKind} kind */
  chosen(kind) {
    return this.#chosen.get(kind) ?? '';
  }

  /** Uses another device from now on. @param {DeviceKind} kind @param {string} id */
  async choose(kind, id) {
    this.#chosen.set(kind, id);
    const wasOn = kind === 'camera' ? this.camera !== null : this.microphone !== null;
    if (!wasOn) return;
    await this.#open(kind);
  }

  /** Takes a remembered choice without opening anything. @param {DeviceKind} kind @param {string} id */
  remember(kind, id) {
    if (id) this.#chosen.set(kind, id);
  }

  /** Opens or closes the camera. Closing lets its light go out. @param {boolean} on */
  async setCamera(on) {
    if (on) {
      if (!this.camera) await this.#open('camera');
      return;
    }
    const old = this.camera;
    if (!old) return;
    this.camera = null;
    old.enabled = false;
    this.#tell('camera', null);
    setTimeout(() => release(old), 2 * FADE_MS);
  }

  /** Lets the microphone be heard, or not. @param {boolean} on */
  async setMicrophone(on) {
    this.micOn = on;
    if (on && !this.microphone) {
      await this.#open('microphone');
      return;
    }
    if (this.microphone) this.microphone.enabled = on;
    this.#tell('microphone', null);
  }

  /** Starts or ends sharing a screen. @param {boolean} on */
  async setScreen(on) {
    const old = this.screen;
    if (!on || old) {
      this.screen = null;
      for (const track of old?.getTracks() ?? []) release(track);
      if (old) this.#tell('screen', null);
      return;
    }
    const screen = await openScreen();
    if (!screen) return;
    this.screen = screen;
    for (const track of screen.getVideoTracks()) {
      track.onended = () => {
        if (this.screen === screen) this.setScreen(false);
      };
    }
    this.#tell('screen', null);
  }

  /** Lets go of every device. */
  releaseAll() {
    if (this.microphone) release(this.microphone);
    if (this.camera) release(this.camera);
    for (const track of this.screen?.getTracks() ?? []) release(track);
    this.microphone = this.camera = this.screen = null;
    this.micOn = false;
  }

  /** @param {DeviceKind} kind */
  async #open(kind) {
    if (this.#opening.has(kind)) return;
    this.#opening.add(kind);
    const outcome = await openDevice(kind, this.chosen(kind));
    this.#opening.delete(kind);
    if ('problem' in outcome) {
      if (kind === 'microphone' && !this.microphone) this.micOn = false;
      this.#tell(kind, outcome.problem);
      return;
    }
    const { track } = outcome;
    const old = kind === 'camera' ? this.camera : this.microphone;
    if (kind === 'camera') this.camera = track;
    else {
      this.microphone = track;
      track.enabled = this.micOn;
    }
    track.onended = () => this.#ended(kind, track);
    this.#tell(kind, null);
    if (old) release(old);
  }

  /** A device was pulled out. @param {DeviceKind} kind @param {MediaStreamTrack} track */
  #ended(kind, track) {
    if (kind === 'camera' && this.camera === track) this.camera = null;
    else if (kind === 'microphone' && this.microphone === track) {
      this.microphone = null;
      this.micOn = false;
    } else return;
    this.#tell(kind, { kind, text: `The ${kind} was disconnected.` });
  }

  /** @param {Changed} what @param {DeviceProblem | null} problem */
  #tell(what, problem) {
    for (const listener of this.#listeners) listener(what, problem);
  }
}

/** @param {MediaStreamTrack} track */
function release(track) {
  track.onended = null;
  track.stop();
}
