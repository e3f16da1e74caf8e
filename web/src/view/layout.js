/**
 * How large tiles of equal size can be in a given space. Pure.
 */

/** The widest shape of a tile, width by height. */
export const RATIO_MAX = 16 / 9;
/** The narrowest shape of a tile. */
export const RATIO_MIN = 1;

/**
 * The largest tiles of which `count` fit.
 * @param {number} count
 * @param {{width: number, height: number}} space
 * @param {number} gap
 * @returns {{columns: number, width: number, height: number}}
 */
export function fitTiles(count, space, gap) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const wide = (space.width - gap * (columns - 1)) / columns;
    const high = (space.height - gap * (rows - 1)) / rows;
    const width = Math.min(wide, high * RATIO_MAX);
    const height = Math.min(high, width / RATIO_MIN);
    if (width * height > best.width * best.height) best = { columns, width, height };
  }
  return { columns: best.columns, width: Math.max(0, Math.floor(best.width)), height: Math.max(0, Math.floor(best.height)) };
}
