import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';
import { usesStub } from '../lib/server.mjs';

useBrowser();

/** Rooms with an operator: one only for the known and invited, one open to all. Source: docs/protocols/galene.md §5.4. */
const GROUPS = {
  closed: { users: { Olga: { password: 'mine', permissions: 'op' } } },
  office: { users: { Olga: { password: 'mine', permissions: 'op' } }, 'wildcard-user': { password: { type: 'wildcard' }, permissions: 'present' } },
};

/** The operator comes in: the first attempt tells that a password is needed. */
async function joinAsOperator(party, room) {
  const olga = await party.open('Olga', { room });
  await olga.devicesReady();
  await olga.enter();
  await olga.page.fill('#password', 'mine');
  await olga.page.click('#join');
  await olga.isIn();
  return olga;
}

scene('an invitation opens a closed room, for two visits and more, and leaves the address', { groups: GROUPS }, async ({ party }) => {
  const olga = await joinAsOperator(party, 'closed');
  await olga.page.click('#tool-people');
  await olga.page.click('#invite');
  const notice = await olga.page.waitForFunction(() => /\?token=\S+/.exec(document.querySelector('#notices').textContent)?.[0]);
  const query = await notice.jsonValue();

  for (const name of ['Gus', 'Gerda']) {
    const guest = await party.join(name, { room: 'closed', query });
    assert.equal(new URL(guest.page.url()).search, '', 'the token is gone from the address');
    assert.ok(!JSON.stringify(await guest.state()).includes(query.slice('?token='.length)));
    await guest.sees(name === 'Gus' ? 2 : 3);
  }
  if (!usesStub) await assertMediaFlows(olga, 2);
});

scene('an operator locks the room, mutes, and removes someone, who stays out', { groups: GROUPS }, async ({ party }) => {
  const olga = await joinAsOperator(party, 'office');
  const gus = await party.join('Gus', { room: 'office' });
  await olga.sees(2);
  await olga.page.click('#tool-people');

  await olga.page.click('.menu summary');
  await olga.page.click('text="Mute"');
  await gus.page.waitForFunction(() => !globalThis.parlour.state().local.micOn);
  await olga.page.click('#toggle-lock');
  await gus.page.waitForSelector('#room-locked', { state: 'visible' });
  const late = await party.open('Late', { room: 'office' });
  await late.devicesReady();
  await late.enter();
  await late.page.waitForFunction(() => /locked/.test(document.querySelector('#join-problem').textContent));

  await olga.page.click('.menu summary');
  await olga.page.click('text="Remove from the call"');
  await gus.page.waitForFunction(() => globalThis.parlour.state().phase === 'left');
  assert.match(await gus.page.textContent('#farewell'), /removed/);
  await olga.sees(1);
});
