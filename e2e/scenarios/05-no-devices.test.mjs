import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Party, launch } from '../lib/browser.mjs';
import { assertMediaFlows } from '../lib/media.mjs';
import { Server } from '../lib/server.mjs';

/** @type {import('playwright-core').Browser} */
let equipped;
/** @type {Server} */
let server;

before(async () => {
  [equipped, server] = await Promise.all([launch(), Server.start()]);
});
after(async () => {
  await equipped?.close();
  await server?.stop();
});

for (const [devices, words] of [['none', /No (camera|microphone) found/], ['denied', /blocked/]]) {
  test(`someone whose devices are ${devices} joins, watches, listens and writes`, async () => {
    const bare = await launch({ devices });
    const hosts = new Party(equipped, server.origin);
    const guests = new Party(bare, server.origin);
    try {
      const ada = await hosts.join('Ada');
      const eve = await guests.open('Eve');
      await eve.page.waitForFunction(() => document.querySelector('#device-note').textContent.includes('join all the same'));
      assert.match(await eve.page.textContent('#device-note'), words);
      await eve.screenshot(`devices-${devices}`);
      await eve.enter();
      await eve.isIn();
      await assertMediaFlows(eve, 1);
      await eve.say('I can only write');
      await ada.reads('I can only write');
      await ada.receives(0);
      // Asking for the camera in the call explains, too, and breaks nothing.
      await eve.page.click('#tool-camera');
      await eve.page.waitForFunction(() => document.querySelector('.notice.warning'));
      await guests.goHome();
      await hosts.goHome();
    } finally {
      await bare.close();
    }
  });
}
