/**
 * What the server says about a room before anyone joins, and the list of
 * public rooms. Failure is no obstacle: the page knows where to connect anyway.
 *
 * Source: docs/protocols/galene.md §2.3.
 */

import { pathOfRoom } from '../wire/group.js';

/** How long the server may take. */
const FETCH_MAX_MS = 5_000;

/**
 * @typedef {{displayName: string, description: string, endpoint: string}} Status
 * @typedef {{name: string, title: string, description: string, people: number, locked: boolean}} PublicRoom
 */

/** The WebSocket of this very server. @returns {string} */
export function ownEndpoint() {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}

/**
 * @param {string} group
 * @returns {Promise<Status>}
 */
export async function readStatus(group) {
  const fields = group ? recordOf(await readJson(`${pathOfRoom(group)}.status`)) : {};
  return {
    displayName: textOf(fields.displayName),
    description: textOf(fields.description),
    endpoint: usable(textOf(fields.endpoint)) || ownEndpoint(),
  };
}

/** @returns {Promise<PublicRoom[]>} */
export async function readPublicRooms() {
  const list = await readJson('/public-groups.json');
  if (!Array.isArray(list)) return [];
  return list.map(recordOf).filter((fields) => textOf(fields.name)).map((fields) => ({
    name: textOf(fields.name),
    title: textOf(fields.displayName) || textOf(fields.name),
    description: textOf(fields.description),
    people: typeof fields.clientCount === 'number' ? fields.clientCount : 0,
    locked: fields.locked === true,
  }));
}

/**
 * An endpoint this page is allowed to open: never an open socket from a closed page.
 * @param {string} endpoint
 */
function usable(endpoint) {
  const allowed = location.protocol === 'https:' ? /^wss:\/\// : /^wss?:\/\//;
  return allowed.test(endpoint) ? endpoint : '';
}

/** @param {string} path @returns {Promise<unknown>} */
async function readJson(path) {
  try {
    const reply = await fetch(path, { signal: AbortSignal.timeout(FETCH_MAX_MS), headers: { accept: 'application/json' } });
    return reply.ok ? await reply.json() : null;
  } catch (error) {
    console.warn('no answer from', path, error);
    return null;
  }
}

/** @param {unknown} value @returns {Readonly<Record<string, unknown>>} */
function recordOf(value) {
  return typeof value === 'object' && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value @returns {string} */
function textOf(value) {
  return typeof value === 'string' ? value : '';
}
