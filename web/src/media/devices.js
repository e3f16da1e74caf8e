/**
 * Cameras, microphones and screens: asking for them, choosing among them, and
 * saying in plain words why one is not to be had.
 *
 * Owns the local tracks. Knows nothing of peers or of the server.
 */

/** @typedef {'camera' | 'microphone'} DeviceKind */
/** @typedef {{kind: DeviceKind, text: string}} DeviceProblem */

/** What is asked of a camera. */
const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30, max: 30 } };
/** What is asked of a microphone. */
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
/** What is asked of a screen. */
const SCREEN = { frameRate: { ideal: 15, max: 30 } };

/**
 * Whether this page may ask for devices at all: browsers allow it only on
 * https and on this very machine.
 * @returns {boolean}
 */
export function mayUseDevices() {
  return window.isSecureContext && typeof navigator.mediaDevices?.getUserMedia === 'function';
}

/** Whether this browser can share a screen. @returns {boolean} */
export function mayShareScreen() {
  return mayUseDevices() && typeof navigator.mediaDevices.getDisplayMedia === 'function';
}

/**
 * Opens one device; the chosen one if it is there, otherwise any.
 * @param {DeviceKind} kind
 * @param {string} chosen  A device id, or `''`.
 * @returns {Promise<{track: MediaStreamTrack} | {problem: DeviceProblem}>}
 */
export async function openDevice(kind, chosen) {
  if (!mayUseDevices()) return { problem: { kind, text: 'This page was opened without https, so the browser hides camera and microphone.' } };
  const wish = chosen ? { deviceId: { ideal: chosen } } : {};
  try {
    const media = await navigator.mediaDevices.getUserMedia(kind === 'camera'
      ? { video: { ...CAMERA, ...wish } }
      : { audio: { ...MICROPHONE, ...wish } });
    const track = media.getTracks()[0];
    if (!track) return { problem: { kind, text: `No ${kind} found.` } };
    return { track };
  } catch (error) {
    return { problem: { kind, text: explain(kind, error) } };
  }
}

/**
 * Asks for a screen, a window or a tab. `null` means the user changed their mind.
 * @returns {Promise<MediaStream | null>}
 */
export async function openScreen() {
  try {
    const media = await navigator.mediaDevices.getDisplayMedia({ video: SCREEN, audio: true });
    for (const track of media.getVideoTracks()) track.contentHint = 'detail';
    return media;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotAllowedError') return null;
    throw error;
  }
}

/**
 * The devices there are; names only once a permission was given.
 * @returns {Promise<{kind: DeviceKind, id: string, name: string}[]>}
 */
export async function listDevices() {
  if (!mayUseDevices()) return [];
  const found = await navigator.mediaDevices.enumerateDevices();
  return found.flatMap(({ kind, deviceId, label }) => {
    if (kind === 'audiooutput' || !deviceId) return [];
    const ours = /** @type {DeviceKind} */ (kind === 'videoinput' ? 'camera' : 'microphone');
    return [{ kind: ours, id: deviceId, name: label }];
  });
}

/** @param {DeviceKind} kind @param {unknown} error @returns {string} */
function explain(kind, error) {
  const name = error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError': return `The ${kind} is blocked. Allow it in the address bar of your browser.`;
    case 'NotFoundError':
    case 'OverconstrainedError': return `No ${kind} found.`;
    case 'NotReadableError':
    case 'AbortError': return `The ${kind} is in use by another program.`;
    default: return `The ${kind} could not be opened.`;
  }
}
