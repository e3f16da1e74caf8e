/**
 * The session of a participant as the rooms door wants it reported: three
 * counters, six events, seven states.
 *
 * Pure. `after` is the machine; `factsOf` and `eventsBetween` say what happened
 * in the call in the machine's words. Source: docs/protocols/rooms.md (session states).
 */

/** @typedef {import('./room.js').RoomState} RoomState */

/** @typedef {'init' | 'waiting' | 'starting' | 'sending' | 'receiving' | 'sendrecv' | 'cleanup'} SessionState */
/**
 * @typedef {'Session.connectionCreated' | 'Session.connectionDestroyed' | 'Session.streamCreated'
 *   | 'Session.streamDestroyed' | 'Publisher.streamCreated' | 'Publisher.streamDestroyed'} SessionEvent
 */
/**
 * @typedef {object} Counters
 * @property {number} connections  Our own included.
 * @property {number} sendStreams
 * @property {number} recvStreams
 */
/** @typedef {Readonly<Counters & {state: SessionState}>} Session */

/** Outside, with nothing counted. @type {Session} */
export const OUTSIDE = Object.freeze({ state: 'init', connections: 0, sendStreams: 0, recvStreams: 0 });

/**
 * The session after an event: counted first, then moved.
 * @param {Session} session
 * @param {SessionEvent} event
 * @returns {Session}
 */
export function after(session, event) {
  const counted = count(session, event);
  return { ...counted, state: move(session.state, event, counted) };
}

/** No counter goes below zero. @param {Session} session @param {SessionEvent} event @returns {Session} */
function count(session, event) {
  /** @param {number} value @param {number} by */
  const add = (value, by) => Math.max(0, value + by);
  switch (event) {
    case 'Session.connectionCreated': return { ...session, connections: add(session.connections, 1) };
    case 'Session.connectionDestroyed': return { ...session, connections: add(session.connections, -1) };
    case 'Session.streamCreated': return { ...session, recvStreams: add(session.recvStreams, 1) };
    case 'Session.streamDestroyed': return { ...session, recvStreams: add(session.recvStreams, -1) };
    case 'Publisher.streamCreated': return { ...session, sendStreams: add(session.sendStreams, 1) };
    case 'Publisher.streamDestroyed': return { ...session, sendStreams: add(session.sendStreams, -1) };
  }
}

/** @param {SessionState} from @param {SessionEvent} event @param {Counters} counted @returns {SessionState} */
function move(from, event, { connections, sendStreams, recvStreams }) {
  switch (event) {
    case 'Session.connectionCreated':
      if (from === 'init') return 'waiting';
      return from === 'waiting' ? 'starting' : from;
    case 'Session.connectionDestroyed':
      if (from === 'init') return from;
      if (from === 'waiting') return 'init';
      // With a third person still there the conversation goes on.
      return connections < 2 ? 'waiting' : from;
    case 'Session.streamCreated':
      if (from === 'starting' || from === 'cleanup') return 'receiving';
      return from === 'sending' ? 'sendrecv' : from;
    case 'Publisher.streamCreated':
      if (from === 'starting' || from === 'cleanup') return 'sending';
      return from === 'receiving' ? 'sendrecv' : from;
    case 'Session.streamDestroyed':
      if (recvStreams > 0) return from;
      if (from === 'sendrecv') return 'sending';
      return from === 'receiving' ? 'cleanup' : from;
    case 'Publisher.streamDestroyed':
      if (sendStreams > 0) return from;
      if (from === 'sendrecv') return 'receiving';
      return from === 'sending' ? 'cleanup' : from;
  }
}

/**
 * What of the call the machine is interested in.
 * @typedef {object} Facts
 * @property {boolean} inside
 * @property {ReadonlySet<string>} peers  Everybody else who is connected.
 * @property {ReadonlySet<string>} sent  Our streams that somebody gets.
 * @property {ReadonlySet<string>} received  Streams whose media has arrived.
 */

/** @type {Facts} */
export const NOTHING = Object.freeze({ inside: false, peers: new Set(), sent: new Set(), received: new Set() });

/**
 * @param {RoomState} state
 * @returns {Facts}
 */
export function factsOf(state) {
  if (state.phase !== 'joined') return NOTHING;
  const peers = new Set([...state.people.keys()].filter((id) => id !== state.id));
  const flowing = [...state.streams.values()].filter((stream) => stream.flowing && stream.condition === 'connected');
  /** @param {'up' | 'down'} direction */
  const ids = (direction) => new Set(flowing.filter((stream) => stream.direction === direction).map((stream) => stream.id));
  // Alone we may be publishing, but nothing is sent to anybody. The table
  // counts on that: it has no way from `waiting` to `sendrecv` for a stream
  // that was there before the first peer.
  return { inside: true, peers, sent: peers.size > 0 ? ids('up') : new Set(), received: peers.size > 0 ? ids('down') : new Set() };
}

/**
 * What happened between two moments, in the order in which things of a call
 * end and begin: streams before the connections they came over, and the other
 * way round.
 * @param {Facts} before
 * @param {Facts} now
 * @returns {SessionEvent[]}
 */
export function eventsBetween(before, now) {
  return [
    ...times('Publisher.streamDestroyed', missing(before.sent, now.sent)),
    ...times('Session.streamDestroyed', missing(before.received, now.received)),
    ...times('Session.connectionDestroyed', missing(before.peers, now.peers)),
    ...times('Session.connectionDestroyed', before.inside && !now.inside ? 1 : 0),
    ...times('Session.connectionCreated', now.inside && !before.inside ? 1 : 0),
    ...times('Session.connectionCreated', missing(now.peers, before.peers)),
    ...times('Publisher.streamCreated', missing(now.sent, before.sent)),
    ...times('Session.streamCreated', missing(now.received, before.received)),
  ];
}

/** How many of the first set are not in the second. @param {ReadonlySet<string>} of @param {ReadonlySet<string>} from */
function missing(of, from) {
  return [...of].filter((id) => !from.has(id)).length;
}

/** @param {SessionEvent} event @param {number} count @returns {SessionEvent[]} */
function times(event, count) {
  return Array.from({ length: count }, () => event);
}
