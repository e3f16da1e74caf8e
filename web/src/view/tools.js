/**
 * The row of tools, the side panels, the banner about the connection, and the keys.
 */

import { byId, setAttribute, setIcon, setText } from './dom.js';
import { mayShareScreen } from '../media/devices.js';
import { recall, remember } from '../memory.js';
import { isInvitation } from '../wire/rooms.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../state/room.js').Panel} Panel */

/**
 * @typedef {object} ToolActions
 * @property {() => void} microphone
 * @property {() => void} camera
 * @property {() => void} screen
 * @property {(up: boolean) => void} hand
 * @property {() => void} leave
 * @property {() => void} retry
 * @property {() => void} renegotiate
 * @property {(panel: Panel) => void} panel
 * @property {(text: string) => void} tell
 */

/** @type {readonly (readonly [Exclude<Panel, ''>, string])[]} */
const PANELS = [['chat', 'tool-chat'], ['people', 'tool-people'], ['help', 'show-help']];

/**
 * Shows the tools.
 * @param {ToolActions} actions
 * @returns {(state: RoomState) => void}
 */
export function toolsView(actions) {
  const mic = byId('tool-mic', HTMLButtonElement);
  const camera = byId('tool-camera', HTMLButtonElement);
  const screen = byId('tool-screen', HTMLButtonElement);
  const hand = byId('tool-hand', HTMLButtonElement);
  /** @type {RoomState | null} */
  let current = null;

  const toggleHand = () => actions.hand(!ownHand(current));
  /** @param {Panel} panel */
  const togglePanel = (panel) => actions.panel(current?.panel === panel ? '' : panel);

  mic.addEventListener('click', actions.microphone);
  camera.addEventListener('click', actions.camera);
  screen.addEventListener('click', actions.screen);
  hand.addEventListener('click', toggleHand);
  byId('tool-leave', HTMLButtonElement).addEventListener('click', actions.leave);
  byId('retry', HTMLButtonElement).addEventListener('click', actions.retry);
  byId('renegotiate', HTMLButtonElement).addEventListener('click', actions.renegotiate);
  for (const [panel, id] of PANELS) byId(id, HTMLButtonElement).addEventListener('click', () => togglePanel(panel));
  for (const close of document.querySelectorAll('.close-panel')) close.addEventListener('click', () => actions.panel(''));
  for (const copy of document.querySelectorAll('.copy-link')) copy.addEventListener('click', () => copyLink(actions.tell));

  listenToKeys(() => current, new Map([
    ['m', actions.microphone], ['v', actions.camera], ['s', actions.screen], ['h', toggleHand],
    ['c', () => togglePanel('chat')], ['p', () => togglePanel('people')], ['Escape', () => actions.panel('')],
  ]));

  return (state) => {
    const before = current;
    current = state;
    const { local } = state;
    const mayPresent = state.permissions.has('present');
    toggle(mic, local.micOn, local.micOn ? 'mic' : 'mic-off', local.micOn ? 'Mute' : 'Unmute');
    toggle(camera, local.cameraOn, local.cameraOn ? 'camera' : 'camera-off', 'Camera');
    mic.classList.toggle('off', !local.micOn);
    camera.classList.toggle('off', !local.cameraOn);
    toggle(screen, local.sharing, 'screen', local.sharing ? 'Stop' : 'Share');
    toggle(hand, ownHand(state), 'hand', 'Hand');
    screen.hidden = !mayShareScreen();
    for (const item of [mic, camera, screen]) item.disabled = state.phase === 'joined' && !mayPresent;
    for (const [panel, id] of PANELS) {
      const open = state.panel === panel;
      setAttribute(byId(id, HTMLButtonElement), 'aria-expanded', String(open));
      byId(`panel-${panel}`, HTMLElement).hidden = !open;
    }
    if (state.panel === 'chat' && before?.panel !== 'chat') byId('say-text', HTMLTextAreaElement).focus();
    if (before?.panel && !state.panel) byId(PANELS.find(([panel]) => panel === before.panel)?.[1] ?? 'tool-chat', HTMLButtonElement).focus();
    setText(byId('room-title', HTMLElement), state.title);
    showBanner(state);
  };
}

/** @param {RoomState | null} state */
function ownHand(state) {
  return state?.people.get(state.id)?.hand ?? false;
}

/** @param {HTMLButtonElement} tool @param {boolean} on @param {string} drawing @param {string} text */
function toggle(tool, on, drawing, text) {
  setAttribute(tool, 'aria-pressed', String(on));
  setIcon(tool, drawing);
  const label = tool.querySelector('span');
  if (label) setText(label, text);
}

let countdown = 0;

/** @param {RoomState} state */
function showBanner(state) {
  const banner = byId('banner', HTMLElement);
  clearInterval(countdown);
  banner.hidden = state.phase !== 'returning';
  if (banner.hidden) return;
  const text = byId('banner-text', HTMLElement);
  const waiting = state.retryAt > 0;
  byId('retry', HTMLButtonElement).hidden = !waiting;
  setText(text, 'The connection was lost. Coming back…');
  if (!waiting) return;
  const tick = () => {
    const seconds = Math.ceil((state.retryAt - Date.now()) / 1000);
    if (seconds > 2) setText(text, `The connection was lost. Next try in ${seconds} seconds.`);
  };
  tick();
  countdown = window.setInterval(tick, 1000);
}

/** @param {() => RoomState | null} stateNow @param {ReadonlyMap<string, () => void>} keys */
function listenToKeys(stateNow, keys) {
  const choice = byId('shortcuts', HTMLInputElement);
  choice.checked = recall('keys') !== 'off';
  choice.addEventListener('change', () => remember('keys', choice.checked ? 'on' : 'off'));
  document.addEventListener('keydown', (event) => {
    const phase = stateNow()?.phase;
    if (phase !== 'joined' && phase !== 'returning') return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const inField = event.target instanceof Element && event.target.closest('input, textarea, select');
    if (event.key !== 'Escape' && (inField || !choice.checked)) return;
    const act = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** @param {(text: string) => void} tell */
async function copyLink(tell) {
  // The key of a private room stands in the fragment; without it the link is worth little.
  const link = location.origin + location.pathname + (isInvitation(location.pathname) ? location.hash : '');
  try {
    await navigator.clipboard.writeText(link);
    tell('The address of this room is in your clipboard.');
  } catch {
    tell(link);
  }
}
