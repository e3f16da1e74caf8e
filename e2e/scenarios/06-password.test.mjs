import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** A group file of today's format. Source: docs/protocols/galene.md §5.4. */
const GROUPS = {
  study: { 'wildcard-user': { password: 'open sesame', permissions: 'present' } },
};

scene('a room with a password says so, refuses the wrong one and lets in with the right one', { groups: GROUPS }, async ({ party }) => {
  const ada = await party.open('Ada', { room: 'study' });
  await ada.devicesReady();
  assert.equal(await ada.page.isHidden('#password-row'), true);
  await ada.enter();
  await ada.page.waitForSelector('#password-row', { state: 'visible' });
  assert.match(await ada.page.textContent('#join-problem'), /needs a password/);
  await ada.page.fill('#password', 'sesame');
  await ada.page.click('#join');
  await ada.page.waitForFunction(() => /wrong/.test(document.querySelector('#join-problem').textContent));
  assert.match(await ada.page.textContent('#join-problem'), /wrong/);
  await ada.screenshot('password-wrong');
  await ada.page.fill('#password', 'open sesame');
  await ada.page.press('#password', 'Enter');
  await ada.isIn();

  const bob = await party.open('Bob', { room: 'study' });
  await bob.devicesReady();
  await bob.enter();
  await bob.page.fill('#password', 'open sesame');
  await bob.page.click('#join');
  await bob.isIn();
  await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
  assert.ok(!JSON.stringify(await ada.state()).includes('sesame'), 'the test window shows no password');
});

scene('a room that does not exist is refused in plain words', { needsServer: 'list of rooms' }, async ({ party, server }) => {
  const reply = await fetch(`${server.origin}/group/nowhere/`, { headers: { accept: 'text/html' } });
  assert.equal(reply.status, 404);
  const ada = await party.open('Ada', { room: 'lobby' });
  await ada.page.goto(`${server.origin}/group/nowhere/`);
  assert.match(await ada.page.textContent('h1'), /Nobody lives here/);
});
