/**
 * The shapes of every message between this page and the server.
 *
 * Types only: nothing here runs. The dialect is version "2" of Galène's client
 * protocol (docs/protocols/galene.md §3). Incoming shapes are what `codec.js`
 * hands on after checking, so every member is present and has its type.
 */

/** The protocol version this page speaks. Source: docs/protocols/galene.md §1.1. */
export const VERSION = '2';

/**
 * What the server says about the room.
 * @typedef {object} GroupStatus
 * @property {string} displayName
 * @property {boolean} locked
 */

/** @typedef {{type: 'handshake', version: string[]}} Handshake */
/** @typedef {{type: 'ping'}} Ping */
/** @typedef {{type: 'pong'}} Pong */
/** @typedef {'join' | 'change' | 'leave' | 'fail' | 'redirect'} JoinedKind */
/**
 * @typedef {object} Joined
 * @property {'joined'} type
 * @property {JoinedKind} kind
 * @property {string} group
 * @property {string} username
 * @property {string[]} permissions
 * @property {GroupStatus} status
 * @property {RTCConfiguration} rtc
 * @property {string} error
 * @property {string} value
 */
/**
 * @typedef {object} User
 * @property {'user'} type
 * @property {'add' | 'change' | 'delete'} kind
 * @property {string} id
 * @property {string} username
 * @property {string[]} permissions
 * @property {ReadonlyMap<string, unknown>} data
 */
/**
 * @typedef {object} Offer
 * @property {'offer'} type
 * @property {string} id
 * @property {string} label
 * @property {string} replace
 * @property {string} source
 * @property {string} username
 * @property {string} sdp
 */
/** @typedef {{type: 'answer', id: string, sdp: string}} Answer */
/** @typedef {{type: 'ice', id: string, candidate: RTCIceCandidateInit}} Ice */
/** @typedef {{type: 'close' | 'abort' | 'renegotiate', id: string}} StreamWord */
/**
 * @typedef {object} Chat
 * @property {'chat'} type
 * @property {boolean} history
 * @property {string} kind
 * @property {string} id
 * @property {string} source
 * @property {string} dest
 * @property {string} username
 * @property {boolean} privileged
 * @property {number | null} time  Milliseconds since 1970.
 * @property {string} value
 */
/**
 * @typedef {object} UserMessage
 * @property {'usermessage'} type
 * @property {string} kind
 * @property {string} source
 * @property {string} username
 * @property {boolean} privileged
 * @property {string} text  The value when it is text.
 * @property {ReadonlyMap<string, unknown>} fields  The value when it is an object.
 */
/** @typedef {{type: 'unknown', name: string}} Unknown */

/**
 * @typedef {Handshake | Ping | Pong | Joined | User | Offer | Answer | Ice | StreamWord
 *   | Chat | UserMessage | Unknown} Incoming
 */

/**
 * @typedef {{type: 'handshake', version: string[], id: string}
 *   | {type: 'ping'} | {type: 'pong'}
 *   | {type: 'join', kind: 'join' | 'leave', group: string, username?: string,
 *      password?: string, token?: string, data?: Attributes}
 *   | {type: 'request', request: Record<string, string[]>}
 *   | {type: 'requestStream', id: string, request: string[] | null}
 *   | {type: 'offer', id: string, kind: '' | 'renegotiate', label: string, sdp: string,
 *      source: string, username: string, replace?: string}
 *   | {type: 'answer', id: string, sdp: string}
 *   | {type: 'ice', id: string, candidate: RTCIceCandidateInit}
 *   | {type: 'close' | 'abort' | 'renegotiate', id: string}
 *   | {type: 'chat', kind: string, dest: string, source: string, username: string,
 *      value: string}
 *   | {type: 'usermessage', kind: string, dest: string, source: string, username: string,
 *      value?: unknown}
 *   | {type: 'useraction', kind: string, dest: string, source: string, username: string,
 *      value?: unknown}
 *   | {type: 'groupaction', kind: string, source: string, username: string,
 *      value?: unknown}} Outgoing
 */

/**
 * What this page tells about its own user. Only `raisehand` is known to other
 * clients; they ignore the rest. `null` removes an attribute.
 * @typedef {{raisehand?: true | null, muted?: true | null, cameraoff?: true | null}} Attributes
 */
