import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** Asks the page to send its camera in two layers. */
const inLayers = () => localStorage.setItem('parlour.simulcast', 'on');

/** Waits until the one received picture is wide, or narrow. */
const pictureBecomes = (person, wish) => person.page.waitForFunction((wide) => {
  const width = document.querySelector('.tile[data-direction=down] video')?.videoWidth ?? 0;
  return width > 0 && (width > 400) === wide;
}, wish === 'wide');

scene('a small picture is received in the low layer and a large one in the high layer', { needsServer: 'media' }, async ({ party }) => {
  const ada = await party.join('Ada', { prepare: inLayers });
  const bob = await party.join('Bob');
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  await pictureBecomes(bob, 'wide');
  await bob.page.setViewportSize({ width: 320, height: 420 });
  await pictureBecomes(bob, 'narrow');
  await assertMediaFlows(bob, 1);
  await bob.page.setViewportSize({ width: 1280, height: 800 });
  await pictureBecomes(bob, 'wide');
  await assertMediaFlows(bob, 1);
});
