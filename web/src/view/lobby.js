/**
 * The page before the call: a look in the mirror, a name, and the door.
 */

import { byId, setAttribute, setIcon, setText } from './dom.js';
import { mayUseDevices } from '../media/devices.js';
import { recall, remember } from '../memory.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../media/local.js').LocalMedia} LocalMedia */
/** @typedef {import('../media/levels.js').Meter} Meter */
/** @typedef {import('../call.js').Credentials} Credentials */

/** How often the level bar moves. */
const LEVEL_EVERY_MS = 100;

/**
 * @typedef {object} LobbyParts
 * @property {LocalMedia} local
 * @property {Meter} meter
 * @property {string} token
 * @property {(credentials: Credentials) => void} join
 * @property {() => void} cancel
 */

/**
 * Shows the lobby.
 * @param {LobbyParts} parts
 * @returns {{render: (state: RoomState) => void, nameIsFixed: (name: string) => void, describe: (text: string) => void}}
 */
export function lobbyView({ local, meter, token, join, cancel }) {
  const name = byId('name', HTMLInputElement);
  const nameRow = byId('name-row', HTMLElement);
  const password = byId('password', HTMLInputElement);
  const passwordRow = byId('password-row', HTMLElement);
  const joinButton = byId('join', HTMLButtonElement);
  const note = byId('device-note', HTMLElement);
  let needs = '';
  let fixed = false;
  /** @type {Map<string, string>} */
  const problems = new Map();

  name.value = recall('name');
  byId('insecure', HTMLElement).hidden = mayUseDevices();
  byId('certificate-note', HTMLElement).hidden = location.protocol !== 'https:';

  byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    meter.wake();
    remember('name', name.value.trim());
    join({ username: fixed ? '' : name.value.trim(), password: password.value, token });
  });
  byId('cancel-join', HTMLButtonElement).addEventListener('click', cancel);
  byId('preview-mic', HTMLButtonElement).addEventListener('click', () => local.setMicrophone(!local.micOn));
  byId('preview-camera', HTMLButtonElement).addEventListener('click', () => local.setCamera(!local.camera));
  local.onChange((what, problem) => {
    if (what === 'screen') return;
    if (problem) problems.set(what, problem.text);
    else problems.delete(what);
    const nothing = !local.camera && !local.microphone;
    setText(note, [...problems.values(), ...(problems.size && nothing ? ['You can join all the same, to watch, listen and write.'] : [])].join(' '));
    meter.listen(local.microphone);
  });
  setInterval(() => moveLevel(meter, local), LEVEL_EVERY_MS);

  /** @param {RoomState} state */
  function render(state) {
    const inLobby = state.phase === 'lobby' || state.phase === 'joining' || state.phase === 'left';
    byId('lobby', HTMLElement).hidden = !inLobby;
    byId('room', HTMLElement).hidden = inLobby;
    showPreview(local, inLobby);
    if (!inLobby) return;
    const joining = state.phase === 'joining';
    setText(byId('lobby-title', HTMLElement), state.title);
    setText(byId('farewell', HTMLElement), state.phase === 'left' ? state.farewell : '');
    setText(byId('join-problem', HTMLElement), state.problem?.text ?? '');
    setText(byId('join-progress', HTMLElement), joining && state.retryAt ? 'The server does not answer. Trying again…' : '');
    setText(joinButton, joining ? 'Joining…' : state.phase === 'left' ? 'Join again' : 'Join the call');
    joinButton.disabled = joining;
    byId('cancel-join', HTMLElement).hidden = !joining;
    if (state.problem && state.problem.needs !== needs) {
      needs = state.problem.needs;
      if (needs === 'password' && !token) {
        passwordRow.hidden = false;
        password.focus();
      } else if (needs === 'username') {
        fixed = false;
        nameRow.hidden = false;
        name.focus();
      }
    }
    if (state.problem === null) needs = '';
  }

  return {
    render,
    nameIsFixed(who) {
      fixed = true;
      nameRow.hidden = true;
      setText(byId('join-progress', HTMLElement), '');
      byId('lobby-description', HTMLElement).textContent = `This invitation is for ${who || 'you'}.`;
    },
    describe(text) {
      setText(byId('lobby-description', HTMLElement), text);
    },
  };
}

/** @param {LocalMedia} local @param {boolean} visible */
function showPreview(local, visible) {
  const video = byId('preview', HTMLVideoElement);
  const track = visible ? local.camera : null;
  const current = video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks()[0] ?? null : null;
  if (track !== current) video.srcObject = track ? new MediaStream([track]) : null;
  video.parentElement?.classList.toggle('live', track !== null);
  setText(byId('preview-text', HTMLElement), local.camera ? '' : mayUseDevices() ? 'Your camera is off' : 'No camera on this page');
  const mic = byId('preview-mic', HTMLButtonElement);
  const camera = byId('preview-camera', HTMLButtonElement);
  const micOn = local.micOn && local.microphone !== null;
  setAttribute(mic, 'aria-pressed', String(micOn));
  setAttribute(camera, 'aria-pressed', String(local.camera !== null));
  setIcon(mic, micOn ? 'mic' : 'mic-off');
  setIcon(camera, local.camera ? 'camera' : 'camera-off');
  mic.disabled = camera.disabled = !mayUseDevices();
}

/** @param {Meter} meter @param {LocalMedia} local */
function moveLevel(meter, local) {
  const bar = byId('preview-level', HTMLElement);
  if (bar.closest('[hidden]')) return;
  const level = local.micOn ? Math.min(1, meter.read() * 6) : 0;
  bar.style.setProperty('--level', level.toFixed(2));
  setAttribute(bar, 'aria-valuenow', String(Math.round(level * 10) * 10));
}
