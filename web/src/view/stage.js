/**
 * The stage: one tile for everyone, kept alive across renders so that pictures
 * do not flicker.
 */

import { byId, icon, make, setText } from './dom.js';
import { fitTiles } from './layout.js';
import { initials, shownName, tone } from './person.js';
import { planTiles } from './tiles.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('./tiles.js').TilePlan} TilePlan */

/** Space between tiles, in CSS pixels. */
const GAP = 10;
/** On-page size below which the small copy of a picture is enough. Source: docs/protocols/galene.md §3.6. */
export const SMALL_PX = 320 * 240;
/** A picture that has not moved for this long is marked. */
const STALLED_MS = 3_000;
/** How often tiles are looked at. */
const LOOK_EVERY_MS = 1_000;

/**
 * @typedef {object} StageActions
 * @property {(streamId: string) => MediaStream | null} mediaOf
 * @property {(streamId: string, small: boolean) => void} want
 */

class Tile {
  /** @type {TilePlan | null} */
  plan = null;
  frames = 0;
  movedAt = 0;
  small = false;
  smallFor = '';

  /** @param {() => void} grow @param {() => void} blocked */
  constructor(grow, blocked) {
    this.element = make('article', 'tile');
    this.video = make('video');
    this.video.autoplay = true;
    this.video.playsInline = true;
    this.face = make('div', 'face');
    this.face.setAttribute('aria-hidden', 'true');
    this.who = make('span', 'who');
    this.mutedSign = icon('mic-off', 'muted', true);
    this.hand = make('div', 'hand');
    this.hand.append(icon('hand', 'raised hand'));
    this.trouble = make('p', 'trouble');
    const plate = make('div', 'plate');
    plate.append(this.mutedSign, this.who);
    this.grow = make('button', 'grow icon-only');
    this.grow.type = 'button';
    this.grow.append(icon('expand'));
    this.grow.addEventListener('click', grow);
    this.element.append(this.face, this.video, plate, this.hand, this.trouble, this.grow);
    this.element.addEventListener('dblclick', grow);
    this.blocked = blocked;
  }

  /** @param {TilePlan} plan @param {MediaStream | null} media */
  show(plan, media) {
    if (plan.stream?.id !== this.plan?.stream?.id) this.frames = 0;
    this.plan = plan;
    const { element, video } = this;
    const name = shownName(plan.name);
    const label = plan.screen ? `${name} is sharing` : plan.own ? `${name} (you)` : name;
    setText(this.who, label);
    setText(this.face, initials(plan.name));
    this.face.className = `face ${tone(plan.name)}`;
    element.setAttribute('aria-label', label);
    this.grow.setAttribute('aria-label', plan.large ? `Show everyone in equal size` : `Make ${label} large`);
    this.grow.setAttribute('aria-pressed', String(plan.large));
    element.dataset.direction = plan.stream?.direction ?? '';
    element.dataset.stream = plan.stream?.id ?? '';
    element.dataset.person = plan.person;
    element.classList.toggle('screen', plan.screen);
    element.classList.toggle('large', plan.large);
    element.classList.toggle('mirrored', plan.own && !plan.screen);
    element.classList.toggle('speaking', plan.speaking);
    this.mutedSign.toggleAttribute('hidden', !plan.muted);
    this.hand.hidden = !plan.hand;
    video.muted = plan.own;
    if (video.srcObject !== media) {
      video.srcObject = media;
      if (media) this.play();
    }
    this.look(performance.now());
  }

  /** Starts playing; browsers may refuse sound before the first click. */
  play() {
    this.video.play().catch((error) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.blocked();
    });
  }

  /** Looks whether the picture moves. @param {number} now */
  look(now) {
    const { plan, video } = this;
    if (!plan) return;
    const frames = video.srcObject ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
    if (frames !== this.frames) {
      this.frames = frames;
      this.movedAt = now;
    }
    const has = plan.picture && video.videoWidth > 0;
    // Browsers that count no frames of live media are never called still.
    const still = has && frames > 0 && !plan.own && !plan.screen && !document.hidden && now - this.movedAt > STALLED_MS;
    this.element.classList.toggle('picture', has);
    this.element.classList.toggle('stalled', still);
    const { condition } = plan.stream ?? {};
    setText(this.trouble, condition === 'failed' ? 'No media connection, trying again' : still ? 'Picture is paused' : '');
    this.trouble.hidden = this.trouble.textContent === '';
  }

  remove() {
    this.video.srcObject = null;
    this.element.remove();
  }
}

/**
 * Shows the stage.
 * @param {StageActions} actions
 * @returns {(state: RoomState) => void}
 */
export function stageView(actions) {
  const stage = byId('stage', HTMLElement);
  const unblock = byId('unblock-sound', HTMLButtonElement);
  const rest = make('p', 'rest');
  /** @type {Map<string, Tile>} */
  const tiles = new Map();
  let chosen = '';
  /** @type {RoomState | null} */
  let shown = null;

  /** @param {RoomState} state */
  function render(state) {
    shown = state;
    const plan = planTiles(state, chosen);
    const keys = new Set(plan.tiles.map((tile) => tile.key));
    for (const [key, tile] of tiles) {
      if (keys.has(key)) continue;
      tile.remove();
      tiles.delete(key);
    }
    let place = stage.firstElementChild;
    for (const item of plan.tiles) {
      const tile = tiles.get(item.key) ?? newTile(item.key);
      // Moving an element stops its video, so only what is out of place moves.
      if (tile.element === place) place = place.nextElementSibling;
      else stage.insertBefore(tile.element, place);
      tile.show(item, item.stream ? actions.mediaOf(item.stream.id) : null);
    }
    setText(rest, plan.rest > 0 ? `and ${plan.rest} more` : '');
    if (plan.rest > 0) stage.append(rest);
    else rest.remove();
    stage.classList.toggle('spotlight', plan.tiles.length > 1 && plan.tiles.some((tile) => tile.large));
    stage.classList.toggle('returning', state.phase === 'returning');
    arrange();
  }

  /** @param {string} key */
  function newTile(key) {
    const tile = new Tile(() => {
      const isLarge = tile.plan?.large ?? false;
      chosen = isLarge ? '' : key;
      if (shown) render(shown);
    }, () => {
      unblock.hidden = false;
    });
    tiles.set(key, tile);
    return tile;
  }

  /** Sizes go through custom properties; the policy of the page forbids style attributes. */
  function arrange() {
    const space = { width: stage.clientWidth, height: stage.clientHeight };
    const { width, height } = fitTiles(tiles.size, space, GAP);
    stage.style.setProperty('--tile-width', `${width}px`);
    stage.style.setProperty('--tile-height', `${height}px`);
    stage.style.setProperty('--stage-height', `${space.height}px`);
    stage.style.setProperty('--gap', `${GAP}px`);
  }

  /** Once a second: does every picture move, and is it shown small? */
  function look() {
    const now = performance.now();
    for (const tile of tiles.values()) {
      tile.look(now);
      const stream = tile.plan?.stream;
      if (!stream || stream.direction !== 'down' || !stream.video || tile.plan?.screen) continue;
      const small = tile.element.clientWidth * tile.element.clientHeight <= SMALL_PX;
      if (tile.smallFor !== stream.id) {
        tile.smallFor = stream.id;
        tile.small = false;
      }
      if (small === tile.small) continue;
      tile.small = small;
      actions.want(stream.id, small);
    }
  }

  unblock.addEventListener('click', () => {
    unblock.hidden = true;
    for (const tile of tiles.values()) tile.play();
  });
  new ResizeObserver(arrange).observe(stage);
  setInterval(look, LOOK_EVERY_MS);
  return render;
}
