import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** The ICE user fragments a page uses now, by direction. */
function fragments(person) {
  return person.page.evaluate(() => Object.fromEntries(globalThis.parlour.streams().map(({ direction, pc }) => {
    const description = direction === 'up' ? pc.localDescription : pc.remoteDescription;
    return [direction, /a=ice-ufrag:(\S+)/.exec(description?.sdp ?? '')?.[1]];
  })));
}

scene('new network paths on both directions, and the media goes on', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  const before = await fragments(ada);
  await ada.page.click('#show-help');
  await ada.page.click('#renegotiate');
  await ada.page.waitForFunction(({ up, down }) => {
    const streams = globalThis.parlour.streams();
    const now = (direction) => {
      const pc = streams.find((stream) => stream.direction === direction)?.pc;
      return /a=ice-ufrag:(\S+)/.exec((direction === 'up' ? pc?.localDescription : pc?.remoteDescription)?.sdp ?? '')?.[1];
    };
    const calm = streams.every(({ pc }) => pc.signalingState === 'stable' && pc.connectionState === 'connected');
    return calm && now('up') && now('up') !== up && now('down') && now('down') !== down;
  }, before);
  const after = await fragments(ada);
  assert.notEqual(after.up, before.up);
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  assert.equal((await ada.state()).streams.length, 2, 'the same streams, none added');
});
