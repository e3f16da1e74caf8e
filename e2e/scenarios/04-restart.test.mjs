import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

scene('after kill -9 and a restart the pages come back into the call by themselves', {}, async ({ server, party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await ada.sees(2);
  await ada.say('said before the crash');
  await bob.reads('said before the crash');
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  const ids = [(await ada.state()).id, (await bob.state()).id];

  await server.kill();
  await Promise.all([ada, bob].map((person) => person.page.waitForFunction(() => globalThis.parlour.state().phase === 'returning')));
  assert.equal(await ada.page.isVisible('#banner'), true);
  await ada.screenshot('restart-banner');
  const down = Date.now();
  await server.run();

  await Promise.all([ada.isIn(), bob.isIn()]);
  await Promise.all([ada.sees(2), bob.sees(2)]);
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  console.log(`moving pictures again ${Date.now() - down} ms after the restart`);
  assert.equal(await ada.page.isVisible('#banner'), false);
  assert.ok(!ids.includes((await ada.state()).id), 'a new visit has a new id');

  // History is not shown twice to those who came back, and is there for those who come new.
  const lines = (await ada.state()).chat.lines.filter((line) => line.text === 'said before the crash');
  assert.equal(lines.length, 1);
  const carol = await party.join('Carol');
  await carol.reads('said before the crash');
});

scene('muted and without a picture before the restart means the same after it', {}, async ({ server, party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await assertMediaFlows(bob, 1);
  await ada.page.click('#tool-camera');
  await ada.page.click('#tool-mic');
  await server.kill();
  await server.run();
  await Promise.all([ada.page, bob.page].map((page) => page.waitForFunction(() => globalThis.parlour.state().phase === 'joined' && globalThis.parlour.state().people.length === 2)));
  const { local } = await ada.state();
  assert.deepEqual([local.cameraOn, local.micOn], [false, false]);
  await ada.page.click('#tool-camera');
  await ada.page.click('#tool-mic');
  await assertMediaFlows(bob, 1);
});

/** Long enough for browsers to call the path disturbed, short enough for nobody to be declared dead. */
const STILL_MS = 9_000;

scene('a server that stands still for a while loses nobody', {}, async ({ server, party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  const { id } = await ada.state();
  server.freeze(true);
  await ada.page.waitForTimeout(STILL_MS);
  server.freeze(false);
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  assert.equal((await ada.state()).id, id, 'the same visit');
});
