import assert from 'node:assert/strict';
import test from 'node:test';
import { FADE_MS, Publisher } from '../src/media/publisher.js';
import { encodingsFor } from '../src/media/tracks.js';
import { FakeTrack } from './fakes.js';

/** A publisher over streams that only write down what they are asked. */
function scene() {
  /** @type {string[]} */
  const log = [];
  /** @type {Map<string, any>} */
  const ups = new Map();
  const streams = {
    /** @param {string} id */
    up: (id) => ups.get(id),
    /** @param {string} label @param {any[]} tracks @param {string} [replace] */
    publish(label, tracks, replace = '') {
      const id = `s${log.length}`;
      log.push(`publish ${label} ${tracks.map((entry) => entry.track.kind).join('+')}${replace ? ` for ${replace}` : ''}`);
      ups.set(id, { closed: false, swap: async (/** @type {string} */ kind, /** @type {any} */ track) => log.push(`swap ${kind} ${track ? 'on' : 'off'}`) });
      return id;
    },
    /** @param {string} id */
    unpublish(id) {
      ups.delete(id);
      log.push('unpublish');
    },
  };
  const local = { microphone: /** @type {any} */ (null), camera: /** @type {any} */ (null), screen: /** @type {any} */ (null) };
  return { log, local, publisher: new Publisher(/** @type {any} */ (streams), /** @type {any} */ (local), false) };
}

test('without devices nothing is sent', () => {
  const { log, publisher } = scene();
  publisher.start();
  assert.deepEqual(log, []);
});

test('a camera that comes later makes a new stream in place of the old one', () => {
  const { log, local, publisher } = scene();
  local.microphone = new FakeTrack('audio');
  publisher.start();
  local.camera = new FakeTrack('video');
  publisher.updateCamera();
  assert.deepEqual(log, ['publish camera audio', 'publish camera audio+video for s0']);
});

test('a camera that goes off falls silent in its place, and comes back there', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, local, publisher } = scene();
  local.microphone = new FakeTrack('audio');
  local.camera = new FakeTrack('video');
  publisher.start();
  local.camera = null;
  publisher.updateCamera();
  context.mock.timers.tick(FADE_MS);
  local.camera = new FakeTrack('video');
  publisher.updateCamera();
  assert.deepEqual(log, ['publish camera audio+video', 'swap audio on', 'swap video off', 'swap audio on', 'swap video on']);
});

test('a camera that is back before it faded is not taken away', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, local, publisher } = scene();
  local.camera = new FakeTrack('video');
  local.microphone = new FakeTrack('audio');
  publisher.start();
  local.camera = null;
  publisher.updateCamera();
  local.camera = new FakeTrack('video');
  publisher.updateCamera();
  context.mock.timers.tick(FADE_MS);
  assert.ok(!log.includes('swap video off'));
});

test('when both devices are gone the stream ends, and the screen is a stream of its own', () => {
  const { log, local, publisher } = scene();
  local.camera = new FakeTrack('video');
  local.screen = { getTracks: () => [new FakeTrack('video'), new FakeTrack('audio')] };
  publisher.start();
  local.camera = null;
  publisher.updateCamera();
  local.screen = null;
  publisher.updateScreen();
  assert.deepEqual(log, ['publish camera video', 'publish screenshare video+audio', 'unpublish', 'unpublish']);
});

test('only a camera with simulcast has two encodings, the full one first', () => {
  assert.deepEqual(encodingsFor('camera', 'video', true).map((encoding) => encoding.rid), ['h', 'l']);
  for (const [label, kind] of /** @type {const} */ ([['camera', 'audio'], ['screenshare', 'video'], ['screenshare', 'audio']])) assert.equal(encodingsFor(label, kind, true).length, 1);
});
