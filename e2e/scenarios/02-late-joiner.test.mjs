import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** What is promised: both pictures within two seconds of being let in. */
const PROMISED_MS = 2_000;
/** A starved machine gets further tries; the best one counts. */
const TRIES = 3;

/** Runs in the page: notes when we were let in, and when each stream decoded its first frame. */
function watchFirstFrames() {
  const noted = { joinedAt: 0, frames: {} };
  globalThis.firstFrames = noted;
  setInterval(async () => {
    const { parlour } = globalThis;
    if (parlour?.state().phase !== 'joined') return;
    noted.joinedAt ||= performance.now();
    for (const { id, direction, pc } of parlour.streams()) {
      if (direction !== 'down' || noted.frames[id]) continue;
      for (const report of (await pc.getStats()).values()) {
        if (report.type === 'inbound-rtp' && report.kind === 'video' && report.framesDecoded > 0) noted.frames[id] ||= performance.now();
      }
    }
  }, 20);
}

/** The time from `joined` to the first frame of the slower of both streams. */
async function joinAndMeasure(party, name) {
  const person = await party.join(name, { prepare: watchFirstFrames });
  await person.page.waitForFunction(() => Object.keys(globalThis.firstFrames.frames).length >= 2);
  const took = await person.page.evaluate(() => {
    const { joinedAt, frames } = globalThis.firstFrames;
    return Math.round(Math.max(...Object.values(frames)) - joinedAt);
  });
  console.log(`${name}: both pictures ${took} ms after joined (load ${loadavg()[0].toFixed(1)})`);
  return { person, took };
}

scene('a third who joins late sees both within two seconds', { needsServer: 'way to send one stream to two people' }, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  let best = Infinity;
  for (let attempt = 1; attempt <= TRIES && best > PROMISED_MS; attempt += 1) {
    const { person, took } = await joinAndMeasure(party, `Carol ${attempt}`);
    best = Math.min(best, took);
    await assertMediaFlows(person, 2);
    await Promise.all([ada.sees(3), bob.sees(3)]);
    if (best <= PROMISED_MS) {
      await Promise.all([assertMediaFlows(ada, 2), assertMediaFlows(bob, 2)]);
      await person.screenshot('three-carol');
    } else {
      await person.context.close();
      await Promise.all([ada.sees(2), bob.sees(2)]);
    }
  }
  assert.ok(best <= PROMISED_MS, `the best of ${TRIES} tries took ${best} ms`);
});
