import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

scene('over https with the self-made certificate two people see each other, and the page explains the warning', { scheme: 'https', needsServer: 'certificate' }, async ({ party }) => {
  const ada = await party.open('Ada');
  await ada.devicesReady();
  assert.equal(await ada.page.isVisible('#certificate-note'), true);
  await ada.screenshot('https-lobby');
  await ada.enter();
  await ada.isIn();
  const bob = await party.join('Bob');
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
});

scene('without https and away from this machine the page says why there is no camera, and still lets one in', {}, async ({ party }) => {
  // Browsers hide the devices on such pages; so does this.
  const hidden = () => {
    Object.defineProperty(globalThis, 'isSecureContext', { value: false });
    Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined });
  };
  const ada = await party.join('Ada');
  const bob = await party.open('Bob', { prepare: hidden });
  await bob.page.waitForSelector('#insecure', { state: 'visible' });
  await bob.screenshot('insecure');
  await bob.enter();
  await bob.isIn();
  await assertMediaFlows(bob, 1);
  await ada.sees(2);
});
