/**
 * Watches loudness while we are in a call and tells the state who is speaking.
 */

import { Ear, READ_EVERY_MS } from './media/levels.js';
import { listen, samePeople } from './state/speaking.js';

/**
 * @param {object} parts
 * @param {import('./state/store.js').Store<import('./state/room.js').RoomState, import('./state/room.js').RoomEvent>} parts.store
 * @param {import('./call.js').Call} parts.call
 * @param {import('./media/levels.js').Meter} parts.meter
 * @param {import('./media/local.js').LocalMedia} parts.local
 */
export function keepListening({ store, call, meter, local }) {
  const ear = new Ear();
  /** @type {import('./state/speaking.js').LastLoud} */
  let last = new Map();
  let busy = false;

  setInterval(async () => {
    const { streams } = call;
    if (!streams || busy || document.hidden) return;
    busy = true;
    try {
      const readings = await ear.read([...streams.received()].filter(({ label }) => label !== 'screenshare'));
      if (local.micOn) readings.push([store.state().id, meter.read()]);
      last = listen(last, readings, Date.now());
    } finally {
      busy = false;
    }
    const ids = new Set(last.keys());
    if (!samePeople(ids, store.state().speaking)) store.dispatch({ type: 'speaking', ids });
  }, READ_EVERY_MS);
}
