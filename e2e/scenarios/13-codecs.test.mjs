import assert from 'node:assert/strict';
import { assertMediaFlows } from '../lib/media.mjs';
import { scene, useBrowser } from '../lib/scene.mjs';

useBrowser();

/** A room in which pictures have one codec only. Source: docs/protocols/galene.md §5.4. */
const only = (codec) => ({ codecs: [codec, 'opus'], 'wildcard-user': { password: { type: 'wildcard' }, permissions: 'present' } });

/** The codec of the one received picture, as the browser decodes it. */
const decodes = (person) => person.page.evaluate(async () => {
  const { pc } = globalThis.parlour.streams().find((stream) => stream.direction === 'down');
  const stats = await pc.getStats();
  const video = [...stats.values()].find((report) => report.type === 'inbound-rtp' && report.kind === 'video');
  return stats.get(video.codecId)?.mimeType;
});

for (const [codec, type] of [['vp9', 'video/VP9'], ['h264', 'video/H264'], ['av1', 'video/AV1']]) {
  scene(`pictures pass in ${codec} from browser to browser`, { groups: { room: only(codec) }, needsServer: 'media' }, async ({ party }) => {
    const ada = await party.join('Ada', { room: 'room' });
    const bob = await party.join('Bob', { room: 'room' });
    await Promise.all([assertMediaFlows(ada, 1), assertMediaFlows(bob, 1)]);
    assert.equal(await decodes(bob), type);
  });
}
