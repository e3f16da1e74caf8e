import assert from 'node:assert/strict';
import { assertMediaFlows, assertServerCarriesMedia } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';
import { usesStub } from '../lib/server.mjs';

useBrowser();

/** Two people come in and wait until they see each other in the list. */
async function adaAndBob(party) {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob', { width: 390, height: 780, scheme: 'dark' });
  await Promise.all([ada.sees(2), bob.sees(2)]);
  return [ada, bob];
}

/** They write to each other, to everyone and privately. */
async function chatBothWays(ada, bob) {
  await ada.say('Hello Bob');
  await bob.reads('Hello Bob');
  await bob.say('/me waves');
  await ada.reads('waves');
  await ada.page.selectOption('#say-to', { label: 'Bob (private)' });
  await ada.say('only for you');
  await bob.reads('only for you');
  const lines = (await bob.state()).chat.lines;
  assert.deepEqual(lines.map((line) => [line.text, line.action, line.private, line.mine]), [
    ['Hello Bob', false, false, false], ['waves', true, false, true], ['only for you', false, true, false],
  ]);
}

scene('two people see and hear each other and write both ways', {}, async ({ server, party }) => {
  const [ada, bob] = await adaAndBob(party);
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  if (!usesStub) await Promise.all([assertServerCarriesMedia(ada, server.port), assertServerCarriesMedia(bob, server.port)]);
  await ada.screenshot('two-ada');
  await bob.screenshot('two-bob-phone');
  await chatBothWays(ada, bob);
  await ada.screenshot('two-ada-chat');
  await bob.screenshot('two-bob-phone-chat');
});

scene('the twin: with a server that drops media, signalling works and the media check fails', { env: { PARLOUR_TEST_DROP_MEDIA: '1' } }, async ({ party }) => {
  const [ada, bob] = await adaAndBob(party);
  await Promise.all([ada.receives(1), bob.receives(1)]);
  await Promise.all([ada, bob].map((person) => assert.rejects(assertMediaFlows(person, 1, { within: 8_000 }), /does not receive/)));
  await chatBothWays(ada, bob);
});
