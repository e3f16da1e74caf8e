import assert from 'node:assert/strict';
import { assertMediaFlows, assertServerCarriesMedia } from '../lib/media.mjs';
import { Client } from '../protocol/client.mjs';
import { Owner, Record, joinByRest } from '../lib/rooms.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** The states of a visit in which two people met and talked. */
const VISIT = /^init waiting starting (sending|receiving) sendrecv (receiving|sending) cleanup waiting init$/;

/** Opens the page behind a link and joins. */
async function come(party, name, path, options = {}) {
  const record = new Record();
  const person = await party.join(name, { path, watch: record.watch, ...options });
  return { person, record };
}

/** What the server itself has counted of the reports of a room. @param {import('../lib/server.mjs').Server} server */
async function reportOf(server, token) {
  const [, probes] = /Probes and metrics: (http:\S+)\/metrics/.exec(server.output) ?? [];
  assert.ok(probes, 'the server says where its probes are');
  return (await fetch(`${probes}/rooms/${token}`)).json();
}

/** Somebody who has made a room for two on the landing page, and its link. */
async function maker(party, name, record = new Record()) {
  const person = await party.open('Ada', { path: '/', watch: record.watch });
  await person.page.fill('#private-name', name);
  await person.page.fill('#private-link', 'https://example.org/plans');
  await person.page.selectOption('#private-size', '2');
  await person.page.click('#make-private button[type=submit]');
  await person.page.waitForFunction(() => document.querySelector('#private-url').value);
  return { person, link: new URL(await person.page.inputValue('#private-url')) };
}

scene('two people meet by a link, and what they report goes from init over sendrecv to cleanup', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const room = await owner.create({ name: 'Tea with Ada' });
  const ada = await come(party, 'Ada', room.path);
  const bob = await come(party, 'Bob', room.path, { width: 390, height: 780 });
  await Promise.all([ada.person.sees(2), bob.person.sees(2)]);
  await Promise.all([assertMediaFlows(ada.person, 1), assertMediaFlows(bob.person, 1)]);
  await Promise.all([assertServerCarriesMedia(ada.person, server.port), assertServerCarriesMedia(bob.person, server.port)]);
  await owner.seesInside(room.token, ['Ada', 'Bob']);
  await ada.person.screenshot('private-ada');
  await ada.person.say('Milk or lemon?');
  await bob.person.reads('Milk or lemon?');

  for (const { person, record } of [bob, ada]) {
    await record.until((it) => it.states().includes('sendrecv'));
    await person.page.click('#tool-leave');
    await record.until((it) => it.actions().at(-1)?.action === 'leave');
    await person.page.waitForFunction(() => globalThis.parlour.state().phase === 'left');
  }
  await owner.seesInside(room.token, []);

  for (const { record } of [ada, bob]) {
    assert.match(record.states().join(' '), VISIT);
    const actions = record.actions();
    assert.deepEqual([actions[0].action, actions[0].status, actions.at(-1).action, actions.at(-1).status], ['join', 200, 'leave', 204]);
    for (const one of actions.filter(({ action }) => action === 'status')) {
      assert.equal(one.status, 204);
      const { state, connections, sendStreams, recvStreams } = one;
      if (state === 'sendrecv') assert.ok(connections === 2 && sendStreams === 1 && recvStreams === 1, JSON.stringify(one));
      if (state === 'cleanup') assert.deepEqual([sendStreams, recvStreams], [0, 0]);
      if (state === 'init') assert.deepEqual([connections, sendStreams, recvStreams], [0, 0, 0]);
    }
  }
  const report = await reportOf(server, room.token);
  const counted = (from, to) => report.transitions.find((one) => one.from === from && one.to === to)?.count ?? 0;
  assert.equal(report.sessionsEnded, 2);
  assert.equal(report.sendrecv.count, 2);
  assert.equal(report.inconsistent, 0);
  assert.equal(counted('init', 'waiting'), 2);
  assert.equal(counted('cleanup', 'waiting'), 2);
  assert.equal(counted('waiting', 'init'), 2);
});

scene('who talks and then stays alone is waiting, and starts again with the next one', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const room = await new Owner(server.origin).create();
  const ada = await come(party, 'Ada', room.path);
  for (const name of ['Bob', 'Eve']) {
    const guest = await come(party, name, room.path);
    await ada.record.until((it) => it.states().at(-1) === 'sendrecv');
    await guest.record.until((it) => it.states().at(-1) === 'sendrecv');
    await guest.person.page.click('#tool-leave');
    await ada.record.until((it) => it.states().at(-1) === 'waiting');
  }
  const once = 'starting (sending|receiving) sendrecv (sending|receiving) cleanup waiting';
  assert.match(ada.record.states().join(' '), new RegExp(`^init waiting ${once} ${once}$`));
});

scene('a Galène client with a media token sees the people of the room, by the room’s id and by no name', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const owner = new Owner(server.origin);
  const room = await owner.create();
  const { person: ada } = await come(party, 'Ada', room.path);
  for (const [index, group] of [room.token, ''].entries()) {
    const name = `Native ${index}`;
    const { sessionToken } = await joinByRest(server.origin, room.token, name);
    await owner.seesInside(room.token, ['Ada', ...Array.from({ length: index + 1 }, (_, at) => `Native ${at}`)]);
    const native = await Client.greet(server);
    native.send({ type: 'join', kind: 'join', group, token: sessionToken });
    assert.equal((await native.find((m) => m.type === 'joined')).kind, 'join');
    const seen = await native.find((m) => m.type === 'user' && m.kind === 'add' && m.username === 'Ada');
    assert.equal(seen.id, (await ada.state()).id);
    await ada.sees(2 + index);
    // The same participant, not a second one.
    await owner.seesInside(room.token, ['Ada', ...Array.from({ length: index + 1 }, (_, at) => `Native ${at}`)]);
    assert.ok((await ada.state()).people.some((one) => one.name === name && one.id === native.id));
    native.send({ type: 'request', request: { '': ['audio', 'video'] } });
    assert.equal((await native.find((m) => m.type === 'offer')).username, 'Ada');
  }
});

scene('the twin: with a server that drops media nobody reports sendrecv', { needsServer: 'rooms door', env: { PARLOUR_TEST_DROP_MEDIA: '1' } }, async ({ server, party }) => {
  const room = await new Owner(server.origin).create();
  const ada = await come(party, 'Ada', room.path);
  const bob = await come(party, 'Bob', room.path);
  await Promise.all([ada.person.receives(1), bob.person.receives(1)]);
  for (const { person, record } of [ada, bob]) {
    // The path is there; only what should come over it is not.
    await person.page.waitForFunction(() => globalThis.parlour.streams().every(({ pc }) => pc.connectionState === 'connected'));
    await record.until((it) => it.states().at(-1) === 'sending');
  }
  for (const { person, record } of [ada, bob]) {
    await person.page.click('#tool-leave');
    await record.until((it) => it.actions().at(-1)?.action === 'leave');
    assert.equal(record.states().includes('sendrecv'), false);
  }
});

scene('an owner who opens a second page moves there, and the first gives nothing up', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const { person: first, link } = await maker(party, 'Twice');
  await first.page.goto(link.href);
  await first.devicesReady();
  await first.enter();
  await first.isIn();
  const second = await first.context.newPage();
  await second.goto(link.href);
  await second.waitForFunction(() => globalThis.parlour?.state().local.cameraOn);
  await second.click('#join');
  await first.page.waitForFunction(() => globalThis.parlour.state().phase === 'left');
  await first.page.close();
  const guest = await come(party, 'Bob', link.pathname + link.hash);
  await guest.person.sees(2);
  await guest.record.until((it) => it.states().includes('sendrecv'));
  assert.equal(await second.evaluate(() => globalThis.parlour.state().phase), 'joined');
  assert.equal((await reportOf(server, link.pathname.slice('/r/'.length))).failures.sendrecv, undefined);
});

scene('a room made on the landing page is its maker’s, and can be deleted there', { needsServer: 'rooms door' }, async ({ party }) => {
  const record = new Record();
  const { person: ada, link } = await maker(party, 'Plans for July', record);
  assert.equal(await ada.page.evaluate(() => document.activeElement.id), 'private-url');
  await ada.screenshot('private-made');
  assert.equal(await ada.page.getAttribute('#private-open', 'href'), link.href);

  // In a room for two the first guest takes the seat that is not the owner's; the owner still gets in.
  const bob = await come(party, 'Bob', link.pathname + link.hash);
  assert.equal(await bob.person.page.textContent('#room-title'), 'Plans for July');
  await ada.page.click('#private-open');
  await ada.devicesReady();
  assert.equal(await ada.page.textContent('#lobby-title'), 'Plans for July');
  await ada.enter();
  await ada.isIn();
  await Promise.all([ada.sees(2), bob.person.sees(2)]);
  await record.until((it) => it.states().includes('sendrecv'));
  const joins = record.requests.filter(({ body }) => body.includes('"join"'));
  assert.match(joins.at(-1).headers.authorization, /^Hawk /);
  await ada.page.click('#tool-leave');
  await record.until((it) => it.actions().at(-1)?.action === 'leave');
  assert.equal(record.actions().at(-1).status, 204);
  assert.match(record.states().join(' '), VISIT);

  await ada.page.goto(party.origin);
  await ada.page.waitForFunction(() => /Plans for July/.test(document.querySelector('#private-list').textContent));
  assert.equal(await ada.page.locator('#private-list a').getAttribute('href'), link.href);
  assert.match(await ada.page.textContent('#private-list .badge'), /1 person/);
  await ada.page.getByRole('button', { name: 'Delete Plans for July' }).click();
  await ada.page.waitForFunction(() => /is deleted/.test(document.querySelector('#private-progress').textContent));
  assert.equal(await ada.page.locator('#private-own').isHidden(), true);
  await bob.person.page.waitForFunction(() => /deleted it/.test(document.querySelector('#farewell').textContent));
});

scene('a server without the rooms door offers no private rooms', { needsServer: 'rooms door', env: { PARLOUR_ROOMS_ENABLED: 'false' } }, async ({ server, party }) => {
  const person = await party.open('Ada', { path: '/' });
  await person.page.waitForFunction(() => !document.querySelector('#rooms').hidden);
  await person.page.waitForLoadState('networkidle');
  assert.equal(await person.page.locator('#private').isHidden(), true);
  assert.equal((await fetch(`${server.origin}/r/QzBbvGmIZWU`, { headers: { accept: 'text/html' } })).status, 404);
});
