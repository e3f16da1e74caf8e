import assert from 'node:assert/strict';
import { assertMediaFlows, assertServerCarriesMedia, received } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

const needsServer = 'media server';
/** So many datagrams lost each way prove that the network was as bad as it should be. */
const LOST_MIN = 30;
/** So many datagrams to browsers must have come through the new ports. */
const NEW_MIN = 100;

async function adaAndBob(party) {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await Promise.all([ada.sees(2), bob.sees(2)]);
  return [ada, bob];
}

function mediaFlows(...people) {
  return Promise.all(people.map((person) => assertMediaFlows(person, 1)));
}

/** What changes when somebody joins anew or negotiates a path anew. */
async function visit(person) {
  const fragments = await person.page.evaluate(() => globalThis.parlour.streams()
    .map(({ id, pc }) => [id, ...[pc.localDescription, pc.remoteDescription].map((description) => /a=ice-ufrag:(\S+)/.exec(description?.sdp ?? '')?.[1])])
    .sort());
  return { id: (await person.state()).id, fragments };
}

async function frames(person) {
  return (await received(person)).reduce((sum, stream) => sum + stream.frames, 0);
}

scene('5 % loss and 40 ms jitter both ways: pictures keep moving and sound is heard', { needsServer, network: { preset: 'lossy' } }, async ({ server, party, network }) => {
  const [ada, bob] = await adaAndBob(party);
  await mediaFlows(ada, bob);
  await Promise.all([assertServerCarriesMedia(ada, server.port), assertServerCarriesMedia(bob, server.port)]);
  for (const { pair } of await received(ada)) assert.equal(pair.address, network.address);
  const { udp } = await network.until((stats) => stats.udp.up.loss >= LOST_MIN && stats.udp.down.loss >= LOST_MIN);
  // It has not only begun well: it still goes on after all of that.
  await mediaFlows(ada, bob);
  assert.equal(udp.overrun + udp.refused + udp.send_errors, 0, 'only the model loses datagrams');
  console.log(`lost ${udp.up.loss} of ${udp.up.offered} up, ${udp.down.loss} of ${udp.down.offered} down; freezes seen by Ada: ${(await received(ada)).map(({ freezes }) => freezes)}`);
});

scene('the twin: when the network drops everything, signalling works and the media check fails', { needsServer, network: {} }, async ({ party, network }) => {
  await network.become({ up: { loss: 1 }, down: { loss: 1 } });
  const [ada, bob] = await adaAndBob(party);
  await Promise.all([ada, bob].map((person) => assert.rejects(assertMediaFlows(person, 1, { within: 8_000 }), /does not receive/)));
  const { udp } = await network.stats();
  assert.ok(udp.up.loss > 0, 'browsers tried');
  assert.equal(udp.up.delivered + udp.down.delivered, 0);
  await ada.say('Can you see me?');
  await bob.reads('Can you see me?');
});

scene('the network gives everybody another port in the middle: pictures go on, nobody joins again', { needsServer, network: {} }, async ({ party, network }) => {
  const [ada, bob] = await adaAndBob(party);
  await mediaFlows(ada, bob);
  const before = [await visit(ada), await visit(bob)];
  const { udp: { clients } } = await network.stats();
  assert.ok(clients >= 4, 'each transport is a client of the network');
  await network.rebind();
  const start = Date.now();
  const { udp: changed } = await network.until((stats) => stats.udp.rebinds >= clients);
  // What is decoded next may have been on its way before; these were not.
  await network.until((stats) => stats.udp.down.delivered >= changed.down.delivered + NEW_MIN);
  await mediaFlows(ada, bob);
  console.log(`moving pictures both ways ${Date.now() - start} ms after the change of ports`);
  assert.deepEqual([await visit(ada), await visit(bob)], before, 'the same visits on the same paths');
});

/** Long enough for pictures to stop, short enough for browsers not to give the path up. */
const DARK_MS = 5_000;

scene('a blackout of five seconds heals by itself', { needsServer, network: {} }, async ({ party, network }) => {
  const [ada, bob] = await adaAndBob(party);
  await mediaFlows(ada, bob);
  const before = [(await visit(ada)).id, (await visit(bob)).id];
  await network.blackOut(DARK_MS);
  const start = Date.now();
  // The picture stops: nothing is decoded between two looks.
  for (let last = -1; ;) {
    const now = await frames(ada);
    if (now === last) break;
    last = now;
    assert.ok(Date.now() - start < DARK_MS, 'the picture does not stop');
    await ada.page.waitForTimeout(500);
  }
  await mediaFlows(ada, bob);
  console.log(`moving pictures both ways ${Date.now() - start - DARK_MS} ms after the blackout`);
  const { udp } = await network.stats();
  assert.ok(udp.up.blackout > 0 && udp.down.blackout > 0, 'it was dark both ways');
  assert.deepEqual([(await visit(ada)).id, (await visit(bob)).id], before, 'the same visits');
});

/** How long the stream stands still. */
const STALL_MS = 3_000;

scene('signalling one byte at a time and with a stall: joining, chat and media work', { needsServer, network: {} }, async ({ party, network }) => {
  const bytewise = { piece_max: 1, rate_bps: 800_000, delay: '20ms' };
  const ada = await party.open('Ada');
  const bob = await party.open('Bob');
  for (const person of [ada, bob]) await person.devicesReady();
  // From here on; the files of the page need not come that way.
  await network.become({ tcp: { up: bytewise, down: bytewise } });
  const { tcp: before } = await network.stats();
  for (const person of [ada, bob]) {
    await person.enter();
    await person.isIn();
  }
  await Promise.all([ada.sees(2), bob.sees(2)]);
  await mediaFlows(ada, bob);
  const { tcp: after } = await network.stats();
  for (const way of ['up', 'down']) {
    const [pieces, bytes] = ['pieces', 'delivered_bytes'].map((key) => after[way][key] - before[way][key]);
    assert.ok(bytes > 1_000, `${bytes} bytes of signalling ${way}`);
    assert.equal(pieces, bytes, 'every byte came by itself');
  }

  await network.stall(STALL_MS);
  const start = Date.now();
  await ada.say('said in the stall 😀');
  await bob.reads('said in the stall 😀');
  // The clock that lets it go on began a little before ours.
  assert.ok(Date.now() - start > STALL_MS - 1_000, 'it came while nothing moved');
  await bob.say('and answered');
  await ada.reads('and answered');
});
