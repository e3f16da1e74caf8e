import assert from 'node:assert/strict';
import { assertMediaFlows, received } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** How much louder a stream got while we listened. */
async function loudnessDuring(person, ms) {
  const [before] = await received(person);
  await person.page.waitForTimeout(ms);
  const [after] = await received(person);
  return after.energy - before.energy;
}

scene('muting silences, unmuting is heard again, and others see it', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await assertMediaFlows(bob, 1);
  await ada.page.keyboard.press('m');
  await bob.page.waitForFunction(() => globalThis.parlour.state().people.some((person) => person.name === 'Ada' && person.muted));
  await bob.page.waitForTimeout(500);
  const quiet = await loudnessDuring(bob, 2_500);
  await ada.page.keyboard.press('m');
  await bob.page.waitForTimeout(500);
  const loud = await loudnessDuring(bob, 2_500);
  assert.ok(quiet < loud / 20, `muted ${quiet}, unmuted ${loud}`);
});

scene('the camera goes off for everyone and comes back', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await assertMediaFlows(bob, 1);
  await ada.page.click('#tool-camera');
  await bob.page.waitForFunction(() => document.querySelectorAll('.tile[data-direction=down]:not(.picture)').length === 1);
  assert.equal(await ada.page.evaluate(() => globalThis.parlour.streams()[0].pc.getSenders().filter((sender) => sender.track?.kind === 'video' && sender.track.enabled).length), 0);
  await assertMediaFlows(bob, 1, { picture: false });
  await ada.page.click('#tool-camera');
  await assertMediaFlows(bob, 1);
});

scene('someone who joins with the camera off can turn it on later', {}, async ({ party }) => {
  const ada = await party.open('Ada');
  await ada.devicesReady();
  await ada.page.click('#preview-camera');
  await ada.enter();
  await ada.isIn();
  const bob = await party.join('Bob');
  await assertMediaFlows(bob, 1, { picture: false });
  await ada.page.click('#tool-camera');
  await assertMediaFlows(bob, 1);
});

scene('a shared screen is a stream of its own, large, and goes away again', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await assertMediaFlows(bob, 1);
  await ada.page.click('#tool-screen');
  await bob.receives(2);
  await assertMediaFlows(bob, 1, { label: 'screenshare', sound: false });
  await bob.page.waitForSelector('.tile.large.screen');
  await bob.screenshot('screen-bob');
  await ada.page.click('#tool-screen');
  await bob.receives(1);
  await bob.page.waitForFunction(() => !document.querySelector('.tile.large'));
  await assertMediaFlows(bob, 1);
});

scene('a raised hand is seen and lowered again', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  const bob = await party.join('Bob');
  await ada.sees(2);
  await ada.page.keyboard.press('h');
  await bob.page.waitForFunction(() => globalThis.parlour.state().people.some((person) => person.hand));
  await bob.page.click('#tool-people');
  await bob.screenshot('hand-bob');
  await ada.page.keyboard.press('h');
  await bob.page.waitForFunction(() => globalThis.parlour.state().people.every((person) => !person.hand));
});

scene('every control has a name and can be reached with the keyboard', {}, async ({ party }) => {
  const ada = await party.join('Ada');
  await ada.page.click('#tool-chat');
  const nameless = await ada.page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea, a, summary')]
    .filter((element) => element.checkVisibility())
    .filter((element) => !(element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.length || element.querySelector('img[alt]:not([alt=""])')))
    .map((element) => element.outerHTML.slice(0, 120)));
  assert.deepEqual(nameless, []);
  const unreachable = await ada.page.evaluate(() => [...document.querySelectorAll('button')].filter((element) => element.tabIndex < 0).length);
  assert.equal(unreachable, 0);
});

scene('names and messages that look like markup stay text', {}, async ({ party }) => {
  const name = '<img src=x onerror=alert(1)> & "Co"';
  const ada = await party.join(name);
  const bob = await party.join('Bob');
  await bob.sees(2);
  await bob.page.click('#tool-people');
  await ada.say('<script>document.title = "taken"</script><b>bold</b>');
  await bob.reads('<script>document.title = "taken"</script><b>bold</b>');
  await bob.page.click('#tool-chat');
  assert.equal(await bob.page.locator('#stage img, #people img, #lines b, #lines script').count(), 0);
  assert.equal(await bob.page.locator('.tile .who', { hasText: name }).count(), 1);
  assert.notEqual(await bob.page.title(), 'taken');
});
