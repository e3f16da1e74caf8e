/**
 * `globalThis.parlour`: a window for tests and for curious people.
 *
 * - `streams()` lists what is sent and received: `{id, direction, label, source, pc}`.
 * - `state()` tells where we are and who is there, as plain data.
 *
 * No password, no token, nothing that acts.
 */

/**
 * @param {import('./state/store.js').Store<import('./state/room.js').RoomState, import('./state/room.js').RoomEvent>} store
 * @param {import('./call.js').Call} call
 */
export function exposeForTests(store, call) {
  const hook = Object.freeze({
    streams: () => call.streams?.list() ?? [],
    state() {
      const { phase, group, title, id, name, permissions, people, streams, speaking, local, chat, problem, locked } = store.state();
      return {
        phase, group, title, id, name, locked, problem, local: { ...local },
        permissions: [...permissions],
        people: [...people.values()].map((person) => ({ ...person, permissions: [...person.permissions] })),
        streams: [...streams.values()].map((stream) => ({ ...stream })),
        speaking: [...speaking],
        chat: { unread: chat.unread, lines: chat.lines.map((line) => ({ ...line })) },
      };
    },
  });
  Object.defineProperty(globalThis, 'parlour', { value: hook });
}
