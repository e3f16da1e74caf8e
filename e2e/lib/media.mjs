/**
 * Evidence that media really flows: from the browser's own figures, and from
 * the pictures on the page.
 */

import assert from 'node:assert/strict';

/** How long moving pictures and sound may take to appear. */
export const MEDIA_MAX_MS = 20_000;

/**
 * What a page receives, stream by stream.
 * @param {import('./browser.mjs').Person} person
 * @returns {Promise<{id: string, label: string, source: string, frames: number, energy: number, audioPackets: number, freezes: number, pair: object | null}[]>}
 */
export function received(person) {
  return person.page.evaluate(async () => {
    const downs = globalThis.parlour.streams().filter((stream) => stream.direction === 'down');
    return Promise.all(downs.map(async ({ id, label, source, pc }) => {
      const found = { id, label, source, frames: 0, energy: 0, audioPackets: 0, freezes: 0, pair: null };
      const stats = await pc.getStats();
      for (const report of stats.values()) {
        if (report.type === 'inbound-rtp' && report.kind === 'video') {
          found.frames += report.framesDecoded ?? 0;
          found.freezes += report.freezeCount ?? 0;
        }
        if (report.type === 'inbound-rtp' && report.kind === 'audio') {
          found.energy += report.totalAudioEnergy ?? 0;
          found.audioPackets += report.packetsReceived ?? 0;
        }
        if (report.type === 'transport' && report.selectedCandidatePairId) {
          const pair = stats.get(report.selectedCandidatePairId);
          const remote = pair && stats.get(pair.remoteCandidateId);
          if (remote) found.pair = { protocol: remote.protocol, address: remote.address ?? remote.ip, port: remote.port, type: remote.candidateType };
        }
      }
      return found;
    }));
  });
}

/** Snapshots of every received picture on the page, as short fingerprints by stream id. */
function fingerprints(person) {
  return person.page.evaluate(() => {
    const prints = {};
    for (const tile of document.querySelectorAll('.tile[data-direction=down]')) {
      const video = tile.querySelector('video');
      if (!video?.videoWidth) continue;
      const canvas = document.createElement('canvas');
      canvas.width = 160;
      canvas.height = 120;
      const context = canvas.getContext('2d');
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let hash = 0;
      let lit = 0;
      for (let i = 0; i < data.length; i += 4) {
        hash = (hash * 31 + data[i] * 3 + data[i + 1] * 5 + data[i + 2]) | 0;
        if (data[i] + data[i + 1] + data[i + 2] > 60) lit += 1;
      }
      prints[tile.dataset.stream] = { hash, lit: lit / (canvas.width * canvas.height) };
    }
    return prints;
  });
}

/**
 * Waits until every one of `count` received streams decodes new frames, shows
 * changing pixels that are not black, and carries sound; fails if they do not.
 * @param {import('./browser.mjs').Person} person
 * @param {number} count
 * @param {{sound?: boolean, picture?: boolean, within?: number, label?: string}} [wish]
 */
export async function assertMediaFlows(person, count, { sound = true, picture = true, within = MEDIA_MAX_MS, label } = {}) {
  const mine = (list) => list.filter((stream) => !label || stream.label === label);
  const until = Date.now() + within;
  let before = new Map(mine(await received(person)).map((stream) => [stream.id, stream]));
  let seen = await fingerprints(person);
  const moved = new Set();
  const decoded = new Set();
  const heard = new Set();
  let now = [];
  while (Date.now() < until) {
    await person.page.waitForTimeout(500);
    now = mine(await received(person));
    const prints = await fingerprints(person);
    for (const stream of now) {
      const old = before.get(stream.id);
      if (old && stream.frames > old.frames) decoded.add(stream.id);
      if (old && stream.energy > old.energy) heard.add(stream.id);
      const print = prints[stream.id];
      if (print && seen[stream.id] && print.hash !== seen[stream.id].hash && print.lit > 0.2) moved.add(stream.id);
    }
    before = new Map(now.map((stream) => [stream.id, stream]));
    seen = { ...seen, ...prints };
    const fine = now.length === count && now.every(({ id }) => (!picture || (decoded.has(id) && moved.has(id))) && (!sound || heard.has(id)));
    if (fine) return now;
  }
  const verdict = now.map((stream) => ({ ...stream, decoded: decoded.has(stream.id), moved: moved.has(stream.id), heard: heard.has(stream.id) }));
  throw new assert.AssertionError({ message: `${person.name} does not receive ${count} moving and sounding streams: ${JSON.stringify(verdict)}` });
}

/** Every received stream travels over UDP to the port of the server. */
export async function assertServerCarriesMedia(person, port) {
  for (const { pair } of await received(person)) {
    assert.ok(pair, 'no selected candidate pair');
    assert.equal(pair.protocol, 'udp');
    assert.equal(pair.port, port);
  }
}
