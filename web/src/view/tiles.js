/**
 * Which tiles the stage shows, in which order. Pure: state in, plan out.
 */

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../state/room.js').StreamState} StreamState */
/** @typedef {import('../state/room.js').Person} Person */

/** People without a stream get a tile of their own up to this many tiles. */
export const FACES_MAX = 24;

/**
 * @typedef {object} TilePlan
 * @property {string} key  Stays the same while the tile stands for the same thing.
 * @property {StreamState | null} stream
 * @property {string} person  The client id, or `''`.
 * @property {string} name
 * @property {boolean} own
 * @property {boolean} screen
 * @property {boolean} large
 * @property {boolean} picture  Whether a moving picture is expected.
 * @property {boolean} hand
 * @property {boolean} muted
 * @property {boolean} speaking
 */

/**
 * @param {RoomState} state
 * @param {string} chosen  The key of the tile the user made large, or `''`.
 * @returns {{tiles: TilePlan[], rest: number}}
 */
export function planTiles(state, chosen) {
  /** @type {TilePlan[]} */
  const tiles = [];
  /** @type {Set<string>} */
  const shown = new Set();
  for (const stream of state.streams.values()) {
    const isScreen = stream.label === 'screenshare' || stream.label === 'video';
    const person = state.people.get(stream.source);
    const first = !isScreen && !shown.has(stream.source);
    if (first) shown.add(stream.source);
    tiles.push(tileOf(state, first ? `person:${stream.source}` : `stream:${stream.id}`, stream, person, isScreen));
  }
  let rest = 0;
  for (const person of state.people.values()) {
    if (shown.has(person.id) || person.permissions.has('system')) continue;
    const own = person.id === state.id;
    if (own || tiles.length < FACES_MAX) tiles.push(tileOf(state, `person:${person.id}`, null, person, false));
    else rest += 1;
  }
  tiles.sort((a, b) => rank(a) - rank(b));
  const large = tiles.find((tile) => tile.key === chosen) ?? tiles.find((tile) => tile.screen && !tile.own) ?? tiles.find((tile) => tile.screen);
  return { tiles: tiles.map((tile) => (tile === large ? { ...tile, large: true } : tile)), rest };
}

/** Shared screens first, then others, ourselves last. @param {TilePlan} tile */
function rank(tile) {
  return tile.screen ? 0 : tile.own ? 2 : 1;
}

/**
 * @param {RoomState} state
 * @param {string} key
 * @param {StreamState | null} stream
 * @param {Person | undefined} person
 * @param {boolean} screen
 * @returns {TilePlan}
 */
function tileOf(state, key, stream, person, screen) {
  const id = person?.id ?? stream?.source ?? '';
  const own = id === state.id;
  const cameraOff = own ? !state.local.cameraOn : person?.cameraOff ?? false;
  return {
    key, stream, person: id, name: person?.name ?? stream?.name ?? '', own, screen, large: false,
    picture: Boolean(stream?.video) && (screen || !cameraOff),
    hand: !screen && (person?.hand ?? false),
    muted: !screen && (own ? !state.local.micOn : person?.muted ?? false),
    speaking: !screen && state.speaking.has(id),
  };
}
