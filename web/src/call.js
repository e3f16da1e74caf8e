/**
 * One call, from the click on Join to the last word: carries what the link
 * says to the state and to the streams, and what the user wants to the link.
 *
 * Wiring only: rules about people live in `state/`, media in `media/`.
 */

import { Link } from './net/socket.js';
import { Publisher } from './media/publisher.js';
import { Streams } from './media/streams.js';
import { judgeRefusal } from './state/room.js';
import { readTyped } from './state/chat.js';

/** @typedef {import('./wire/messages.js').Attributes} Attributes */
/** @typedef {import('./wire/messages.js').Incoming} Incoming */
/** @typedef {import('./wire/messages.js').Joined} Joined */
/** @typedef {import('./wire/messages.js').Outgoing} Outgoing */
/** @typedef {import('./wire/messages.js').UserMessage} UserMessage */
/** @typedef {import('./net/socket.js').LinkEvent} LinkEvent */
/** @typedef {import('./media/local.js').LocalMedia} LocalMedia */
/** @typedef {import('./state/room.js').RoomState} RoomState */
/** @typedef {import('./state/room.js').RoomEvent} RoomEvent */
/** @typedef {{username: string, password: string, token: string}} Credentials */

/** How long an invitation is good. The server reads a number as milliseconds from now. */
export const INVITATION_MS = 24 * 60 * 60 * 1000;

/**
 * @typedef {object} CallOptions
 * @property {string} url  Of the WebSocket.
 * @property {string} group
 * @property {import('./state/store.js').Store<RoomState, RoomEvent>} store
 * @property {LocalMedia} local
 * @property {boolean} simulcast
 * @property {(url: string) => void} redirect
 * @property {(token: string) => void} invitation  A token we asked for has been made.
 */

export class Call {
  #options;
  #store;
  #local;
  #link;
  /** @type {Streams | null} */
  #streams = null;
  /** @type {Publisher | null} */
  #publisher = null;
  /** @type {Credentials} */
  #credentials = { username: '', password: '', token: '' };
  #hand = false;

  /** @param {CallOptions} options */
  constructor(options) {
    this.#options = options;
    this.#store = options.store;
    this.#local = options.local;
    this.#link = new Link(options.url, (event) => this.#heard(event));
    this.#local.onChange((what, problem) => this.#deviceChanged(what, problem?.text ?? ''));
  }

  /** The streams of this visit, if we are in the room. */
  get streams() {
    return this.#streams;
  }

  /** @param {Credentials} credentials */
  join(credentials) {
    this.#credentials = credentials;
    this.#dispatch({ type: 'joining' });
    this.#link.start();
  }

  /** Leaves for good and lets go of the devices. @param {string} [farewell] */
  leave(farewell = 'You left the call.') {
    this.#link.stop();
    this.#endVisit();
    this.#local.releaseAll();
    this.#hand = false;
    this.#showLocal();
    this.#dispatch({ type: 'left', farewell });
  }

  /** Gives up waiting to get in. */
  cancelJoin() {
    this.#link.stop();
    this.#endVisit();
    this.#dispatch({ type: 'refused', problem: { needs: '', text: '' } });
  }

  /** Tries again at once, if the link is down. */
  retryNow() {
    const { phase } = this.#store.state();
    if (phase === 'joining' || phase === 'returning') this.#link.retryNow();
  }

  /** @param {string} dest  A client id, or `''` for everybody. @param {string} typed */
  say(dest, typed) {
    const { kind, text } = readTyped(typed);
    if (!text) return false;
    const sent = this.#sendAs({ type: 'chat', kind, dest, value: text });
    if (sent && dest) this.#dispatch({ type: 'said-privately', dest, action: kind === 'me', text, time: Date.now() });
    if (!sent) this.#dispatch({ type: 'notice', kind: 'warning', text: 'Not sent: there is no connection right now.' });
    return sent;
  }

  /** @param {boolean} up */
  raiseHand(up) {
    this.#hand = up;
    this.#setData({ raisehand: up || null });
  }

  toggleMicrophone() {
    return this.#local.setMicrophone(!this.#local.micOn);
  }

  toggleCamera() {
    return this.#local.setCamera(!this.#local.camera);
  }

  async toggleScreen() {
    try {
      await this.#local.setScreen(!this.#local.screen);
    } catch {
      this.#dispatch({ type: 'notice', kind: 'error', text: 'The screen could not be shared.' });
    }
  }

  /** Asks for the small copy of a picture shown small, or the full one. @param {string} id @param {boolean} small */
  want(id, small) {
    this.#link.send({ type: 'requestStream', id, request: small ? ['audio', 'video-low'] : null });
  }

  /** Makes new network paths for every stream. */
  renegotiate() {
    this.#streams?.renegotiateAll();
  }

  /** An operator's action on a person: `kick`, `present`, `unpresent`, `op`, `unop`, … @param {string} kind @param {string} dest */
  moderate(kind, dest) {
    if (kind === 'mute') this.#sendAs({ type: 'usermessage', kind, dest });
    else this.#sendAs({ type: 'useraction', kind, dest });
  }

  /**
   * An operator's action on the room: `lock`, `unlock`, `clearchat`, `record`, …
   * @param {string} kind
   * @param {unknown} [value]
   */
  govern(kind, value) {
    const { id, name } = this.#store.state();
    this.#link.send({ type: 'groupaction', kind, source: id, username: name, value });
  }

  /** Asks for a token that lets others in for a day, with what we may do ourselves. */
  invite() {
    const { permissions, group } = this.#store.state();
    const given = ['present', 'message'].filter((name) => permissions.has(name));
    this.govern('maketoken', { group, permissions: given, expires: INVITATION_MS });
  }

  /** @param {LinkEvent} event */
  #heard(event) {
    switch (event.type) {
      case 'connecting': return this.#dispatch({ type: 'waiting', retryAt: 0 });
      case 'open': return this.#askIn(event.id);
      case 'message': return this.#received(event.message);
      case 'lost': return this.#lost(event.code, event.reason);
      case 'waiting': return this.#dispatch({ type: 'waiting', retryAt: event.retryAt });
    }
  }

  /** @param {string} id */
  #askIn(id) {
    this.#dispatch({ type: 'opened', id });
    const { username, password, token } = this.#credentials;
    const secret = token ? { token } : { password };
    const name = token && !username ? {} : { username };
    this.#link.send({ type: 'join', kind: 'join', group: this.#options.group, ...name, ...secret, data: this.#attributes() });
  }

  /** @param {Incoming} message */
  #received(message) {
    if (message.type === 'joined') this.#joined(message);
    else if (message.type === 'usermessage') this.#told(message);
    this.#dispatch({ type: 'message', message });
    this.#streams?.handle(message);
    if (message.type === 'joined' && message.kind === 'join') this.#begin();
    if (message.type === 'joined' && message.kind === 'change') this.#permissionsChanged();
  }

  /** @param {Joined} message */
  #joined(message) {
    if (message.kind === 'redirect') {
      this.leave('This room has moved.');
      this.#options.redirect(message.value);
    } else if (message.kind === 'fail') {
      this.#refused(message);
    } else if (message.kind === 'leave') {
      this.leave();
    } else if (message.kind === 'join') {
      this.#endVisit();
      const visit = { id: this.#store.state().id, username: message.username, rtc: message.rtc };
      this.#streams = new Streams(visit, (out) => this.#link.send(out), (event) => this.#dispatch(event));
    } else {
      this.#streams?.configure(message.rtc);
    }
  }

  /** @param {Joined} message */
  #refused(message) {
    const attempt = { wasIn: this.#store.state().phase === 'returning', ...this.#credentials };
    const { again, problem } = judgeRefusal(message, attempt);
    // The server keeps the socket open after a refusal and leaves the closing to us.
    if (again) this.#link.failAndRetry('refused for now');
    else {
      this.#link.stop();
      this.#endVisit();
      this.#dispatch({ type: 'refused', problem });
    }
  }

  /** We are in: ask for everything, send what we have. */
  #begin() {
    this.#link.send({ type: 'request', request: { '': ['audio', 'video'] } });
    if (this.#streams && this.#mayPresent()) {
      this.#publisher = new Publisher(this.#streams, this.#local, this.#options.simulcast);
      this.#publisher.start();
    }
    this.#showLocal();
  }

  #permissionsChanged() {
    if (!this.#mayPresent()) this.#publisher = null;
    else if (!this.#publisher) this.#begin();
  }

  /** @param {UserMessage} message */
  #told(message) {
    if (!message.privileged) return;
    const token = message.fields.get('token');
    if (message.kind === 'token' && typeof token === 'string') this.#options.invitation(token);
    else if (message.kind === 'token') this.#dispatch({ type: 'notice', kind: 'error', text: 'The invitation could not be made.' });
    if (message.kind === 'mute' && this.#local.micOn) {
      this.#local.setMicrophone(false);
      this.#dispatch({ type: 'notice', kind: 'info', text: `${message.username || 'A moderator'} muted your microphone.` });
    }
    // A server that goes down kicks everyone; that is no reason to stay away.
    if (message.kind === 'kicked' && !/shutting down/.test(message.text)) {
      this.leave(message.text ? `You were removed from the call: ${message.text}` : 'You were removed from the call.');
    }
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    this.#endVisit();
    this.#dispatch({ type: 'lost' });
    const hopeless = this.#store.state().phase === 'joining' && (code === 1000 || code === 1002);
    if (!hopeless) return;
    this.#link.stop();
    this.#dispatch({ type: 'refused', problem: { needs: '', text: reason || 'The server closed the connection.' } });
  }

  /** @param {'camera' | 'microphone' | 'screen'} what @param {string} problem */
  #deviceChanged(what, problem) {
    this.#showLocal();
    // Before the call the lobby says it in its own place.
    const { phase } = this.#store.state();
    if (problem && (phase === 'joined' || phase === 'returning')) this.#dispatch({ type: 'notice', kind: 'warning', text: problem });
    if (phase !== 'joined') return;
    if (what === 'screen') this.#publisher?.updateScreen();
    else {
      this.#publisher?.updateCamera();
      const { muted, cameraoff } = this.#attributes();
      this.#setData({ muted: muted ?? null, cameraoff: cameraoff ?? null });
    }
  }

  #showLocal() {
    const { microphone, camera, screen, micOn } = this.#local;
    this.#dispatch({
      type: 'local',
      local: { hasMic: microphone !== null, hasCamera: camera !== null, micOn: micOn && microphone !== null, cameraOn: camera !== null, sharing: screen !== null },
    });
  }

  /** What others are told about us. @returns {Attributes} */
  #attributes() {
    const { microphone, camera, micOn } = this.#local;
    return {
      ...(this.#hand ? { raisehand: /** @type {const} */ (true) } : {}),
      ...(microphone && micOn ? {} : { muted: /** @type {const} */ (true) }),
      ...(camera ? {} : { cameraoff: /** @type {const} */ (true) }),
    };
  }

  /** @param {Attributes} value */
  #setData(value) {
    this.#sendAs({ type: 'useraction', kind: 'setdata', dest: this.#store.state().id, value });
  }

  /**
   * Sends something that carries our id and name.
   * @param {{type: 'chat', kind: string, dest: string, value: string}
   *   | {type: 'usermessage' | 'useraction', kind: string, dest: string, value?: unknown}} message
   */
  #sendAs(message) {
    const { id, name, phase } = this.#store.state();
    return phase === 'joined' && this.#link.send({ ...message, source: id, username: name });
  }

  #mayPresent() {
    return this.#store.state().permissions.has('present');
  }

  #endVisit() {
    this.#streams?.closeAll();
    this.#streams = null;
    this.#publisher = null;
  }

  /** @param {RoomEvent} event */
  #dispatch(event) {
    this.#store.dispatch(event);
  }
}
