import assert from 'node:assert/strict';
import { Owner, Record } from '../lib/rooms.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

const ROOM = {
  name: 'Überraschung <b>für</b> Ada', description: 'Don’t tell <img src=x onerror=alert(1)>',
  links: [{ url: 'https://example.org/cake', text: 'The cake' }],
};

/** Every text that left the page: addresses, headers, bodies, frames. @param {Record} record */
function everythingSent(record) {
  return JSON.stringify([record.requests, record.frames]);
}

scene('name, description and links are shown, and the key leaves the page in no form', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const room = await new Owner(server.origin).create(ROOM);
  const record = new Record();
  const ada = await party.open('Ada', { path: room.path, watch: record.watch });
  await ada.page.waitForFunction((name) => document.querySelector('#lobby-title').textContent === name, ROOM.name);
  await ada.page.waitForFunction((text) => document.querySelector('#lobby-description').textContent === text, ROOM.description);
  const link = ada.page.locator('.doorway .about-room a');
  assert.equal(await link.textContent(), 'The cake');
  assert.deepEqual([await link.getAttribute('href'), await link.getAttribute('rel')], ['https://example.org/cake', 'noopener noreferrer nofollow']);
  assert.equal(await ada.page.locator('#lobby-title *, #lobby-description *').count(), 0, 'what others write is text');
  await ada.screenshot('private-lobby');

  await ada.devicesReady();
  await ada.enter();
  await ada.isIn();
  assert.equal(await ada.page.textContent('#room-title'), ROOM.name);
  await ada.page.click('#tool-people');
  assert.equal(await ada.page.locator('#panel-people .about-room a').textContent(), 'The cake');
  await ada.say('something');
  await ada.reads('something');
  await ada.page.click('#tool-leave');
  await record.until((it) => it.actions().at(-1)?.action === 'leave');

  const sent = everythingSent(record);
  const key = Buffer.from(room.key, 'base64url');
  assert.ok(record.requests.length > 20 && record.frames.length > 3, 'something was recorded');
  for (const form of [room.key, key.toString('base64'), key.toString('hex'), encodeURIComponent(key.toString('base64'))]) {
    assert.equal(sent.includes(form), false, `the key was sent as ${form}`);
  }
  for (const secret of ['Überraschung', 'The cake', 'example.org', 'tell <img']) assert.equal(sent.includes(secret), false, `${secret} was sent`);
});

scene('a link without its key, or with another, still leads into the room', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const room = await new Owner(server.origin).create(ROOM);
  for (const [name, fragment] of [['Ada', ''], ['Bob', `#${Buffer.alloc(16).toString('base64url')}`]]) {
    const person = await party.open(name, { path: `/r/${room.token}${fragment}` });
    await person.page.waitForFunction(() => /has not the right key/.test(document.querySelector('#lobby-description').textContent));
    assert.equal(await person.page.textContent('#lobby-title'), 'A private room');
    assert.equal(await person.page.locator('.doorway .about-room').isHidden(), true);
    await person.devicesReady();
    await person.enter();
    await person.isIn();
  }
});

scene('the copied link holds the key', { needsServer: 'rooms door' }, async ({ server, party }) => {
  const room = await new Owner(server.origin).create(ROOM);
  const ada = await party.join('Ada', { path: room.path });
  await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await ada.page.locator('.bar .copy-link').click();
  await ada.page.waitForFunction(async (link) => await navigator.clipboard.readText() === link, room.link);
});

scene('the page of a room that is and of one that is not are the same, under the strict policy of every page', { needsServer: 'rooms door' }, async ({ server }) => {
  const room = await new Owner(server.origin).create(ROOM);
  const pages = await Promise.all([room.token, 'AAAAAAAAAAE'].map(async (token) => {
    const reply = await fetch(`${server.origin}/r/${token}`, { headers: { accept: 'text/html' } });
    return { status: reply.status, type: reply.headers.get('content-type'), policy: reply.headers.get('content-security-policy'), referrer: reply.headers.get('referrer-policy'), body: await reply.text() };
  }));
  assert.deepEqual(pages[0], pages[1]);
  const [{ status, type, policy, referrer, body }] = pages;
  assert.deepEqual([status, type, referrer], [200, 'text/html; charset=utf-8', 'no-referrer']);
  assert.match(policy, /script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.match(body, /src="\/src\/main\.js"/);
  for (const path of ['/r/', `/r/${room.token}/further`]) {
    assert.equal((await fetch(server.origin + path, { headers: { accept: 'text/html' } })).status, 404, path);
  }
});
