import assert from 'node:assert/strict';
import { Party, launchToKill } from '../lib/browser.mjs';
import { Owner, Record, joinByRest } from '../lib/rooms.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** A life short enough to watch, long enough for a busy machine. */
const SHORT = { PARLOUR_ROOMS_PARTICIPANT_LIFE: '4s' };

scene('a page renews its place before it runs out; one that is killed runs out', { needsServer: 'rooms door', env: SHORT }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const room = await owner.create();
  const record = new Record();
  const ada = await party.join('Ada', { path: room.path, watch: record.watch });
  const before = (await owner.look(room.token)).participants[0].roomConnectionId;
  await record.until((it) => it.actions().filter(({ action, status }) => action === 'refresh' && status === 200).length >= 3);
  const { participants } = await owner.look(room.token);
  assert.deepEqual(participants.map((one) => [one.displayName, one.roomConnectionId, one.owner]), [['Ada', before, false]]);

  const doomed = await launchToKill();
  const bobs = new Party(doomed.browser, server.origin);
  await bobs.join('Bob', { path: room.path });
  await owner.seesInside(room.token, ['Ada', 'Bob']);
  await ada.sees(2);
  await doomed.kill();
  await ada.sees(1);
  await owner.seesInside(room.token, ['Ada']);
  await record.until((it) => it.states().at(-1) === 'waiting');

  const last = await launchToKill();
  await ada.page.click('#tool-leave');
  await owner.seesInside(room.token, []);
  await new Party(last.browser, server.origin).join('Eve', { path: room.path });
  await owner.seesInside(room.token, ['Eve']);
  await last.kill();
  await owner.seesInside(room.token, []);
});

scene('a page that is closed leaves at once', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const room = await owner.create();
  const ada = await party.join('Ada', { path: room.path });
  await owner.seesInside(room.token, ['Ada']);
  // The life is five minutes here: only a leave empties the room in time.
  await ada.page.close({ runBeforeUnload: false });
  await owner.seesInside(room.token, []);
});

scene('whoever lost the place is told and joins again', { needsServer: 'rooms door', env: SHORT }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const room = await owner.create();
  const ada = await party.join('Ada', { path: room.path });
  // No refresh gets through until the place has run out.
  await ada.page.route(/\/rooms\//, (route) => (route.request().postData()?.includes('refresh') ? route.abort() : route.continue()));
  await owner.seesInside(room.token, []);
  await ada.page.unroute(/\/rooms\//);
  await ada.page.waitForFunction(() => globalThis.parlour.state().phase === 'left');
  await ada.page.waitForFunction(() => /has run out/.test(document.querySelector('#farewell').textContent));
  assert.equal(await ada.page.textContent('#join'), 'Join again');
  await ada.page.click('#join');
  await ada.isIn();
  await owner.seesInside(room.token, ['Ada']);
});

scene('a restarted server keeps the place, and the page comes back into it', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const room = await owner.create();
  const record = new Record();
  const ada = await party.join('Ada', { path: room.path, watch: record.watch });
  const before = (await owner.look(room.token)).participants[0].roomConnectionId;
  await server.kill();
  await ada.page.waitForFunction(() => globalThis.parlour.state().phase === 'returning');
  await server.run();
  await ada.isIn();
  const { participants } = await owner.look(room.token);
  assert.deepEqual(participants.map((one) => one.roomConnectionId), [before]);
  assert.equal(record.actions().filter(({ action }) => action === 'join').length, 1);
});

scene('full rooms, links to nothing and deleted rooms are told apart in words', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const small = await owner.create({ size: 2 });
  await joinByRest(server.origin, small.token, 'Somebody');
  const late = await party.open('Late', { path: small.path });
  await late.devicesReady();
  await late.enter();
  await late.page.waitForFunction(() => /This room is full/.test(document.querySelector('#join-problem').textContent));
  assert.equal(await late.page.getAttribute('#join-problem', 'role'), 'alert');
  await late.screenshot('private-full');

  for (const path of ['/r/AAAAAAAAAAE', '/r/nonsense', `/r/${small.token}x`]) {
    const lost = await party.open('Lost', { path });
    await lost.page.waitForFunction(() => /has expired or is not valid/.test(document.querySelector('#join-problem').textContent));
  }

  const room = await owner.create();
  const ada = await party.join('Ada', { path: room.path });
  await owner.remove(room.token);
  await ada.page.waitForFunction(() => globalThis.parlour.state().phase === 'left');
  await ada.page.waitForFunction(() => /deleted it/.test(document.querySelector('#farewell').textContent));
  await ada.page.click('#join');
  await ada.page.waitForFunction(() => /has expired or is not valid/.test(document.querySelector('#join-problem').textContent));
});
