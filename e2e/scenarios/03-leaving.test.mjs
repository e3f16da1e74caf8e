import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** What "at once" means on a busy machine. */
const AT_ONCE_MS = 2_000;

scene('closing a window removes its person and streams for the others at once', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await assertMediaFlows(ada, 1);
  const start = Date.now();
  await bob.page.close();
  await Promise.all([ada.sees(1), ada.receives(0)]);
  const took = Date.now() - start;
  console.log(`gone after ${took} ms`);
  assert.ok(took < AT_ONCE_MS, `it took ${took} ms`);
  assert.equal(await ada.page.locator('.tile').count(), 1);
});

scene('leaving by the button ends the call here and there, and one can come back', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await assertMediaFlows(ada, 1);
  await bob.page.click('#tool-leave');
  await Promise.all([ada.sees(1), ada.receives(0)]);
  assert.match(await bob.page.textContent('#farewell'), /left the call/);
  const camera = await bob.page.evaluate(() => globalThis.parlour.state().local.cameraOn);
  assert.equal(camera, false, 'the camera is let go');
  await bob.page.click('#preview-camera');
  await bob.page.click('#preview-mic');
  await bob.devicesReady();
  await bob.page.click('#join');
  await bob.isIn();
  await assertMediaFlows(ada, 1);
});
