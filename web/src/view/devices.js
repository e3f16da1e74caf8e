/**
 * The choice of microphone and camera, before the call and in it: every
 * `select[data-pick]` of the page shows the same.
 */

import { listDevices } from '../media/devices.js';
import { recall, remember } from '../memory.js';

/** @typedef {import('../media/local.js').LocalMedia} LocalMedia */
/** @typedef {import('../media/devices.js').DeviceKind} DeviceKind */

/** The kinds of devices and how they are called. */
const KINDS = /** @type {const} */ ([
  { kind: 'camera', name: 'Camera', any: 'Any camera' },
  { kind: 'microphone', name: 'Microphone', any: 'Any microphone' },
]);

/** @param {LocalMedia} local */
export function devicesView(local) {
  for (const { kind } of KINDS) {
    local.remember(kind, recall(kind));
    for (const pick of picks(kind)) {
      pick.addEventListener('change', () => {
        remember(kind, pick.value);
        local.choose(kind, pick.value);
      });
    }
  }
  const fill = () => fillAll(local).catch((error) => console.warn('devices not listed', error));
  local.onChange(fill);
  navigator.mediaDevices?.addEventListener?.('devicechange', fill);
  fill();
}

/** @param {LocalMedia} local */
async function fillAll(local) {
  const devices = await listDevices();
  for (const { kind, name, any } of KINDS) {
    const own = devices.filter((device) => device.kind === kind);
    const open = kind === 'camera' ? local.camera : local.microphone;
    const chosen = open?.getSettings().deviceId ?? local.chosen(kind);
    for (const pick of picks(kind)) {
      pick.replaceChildren(...own.map((device, index) => new Option(device.name || `${name} ${index + 1}`, device.id)));
      if (own.length === 0) pick.append(new Option(any, ''));
      pick.disabled = own.length === 0;
      if (own.some((device) => device.id === chosen)) pick.value = chosen;
    }
  }
}

/** @param {DeviceKind} kind @returns {Iterable<HTMLSelectElement>} */
function picks(kind) {
  return document.querySelectorAll(`select[data-pick=${kind}]`);
}
