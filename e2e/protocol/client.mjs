/**
 * A client of Galène's protocol that knows nothing but frames: what it sends
 * is given by the test, what it gets is kept in order. The words checked here
 * are those of docs/protocols/galene.md, not those of the server.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import test, { after, before } from 'node:test';
import WebSocket from 'ws';
import { Server, usesStub } from '../lib/server.mjs';

/** How long an answer may take on a busy machine. */
const ANSWER_MAX_MS = 8_000;
/** How long we listen before we say that nothing came. */
const QUIET_MS = 120;
/** Time for the server to see that the clients of a test are gone. */
const LEAVE_MS = 20;

/** The text of the frame a message came in. */
export const RAW = Symbol('raw');

/** A permission set everybody gets, and people with other ones. */
export const PEOPLE = {
  users: {
    op: { password: 'op', permissions: 'op' },
    zoe: { password: 'zoe', permissions: 'op' },
    cap: { password: 'cap', permissions: 'caption' },
    obs: { password: 'obs', permissions: 'observe' },
    msg: { password: 'msg', permissions: 'message' },
  },
  'wildcard-user': { password: { type: 'wildcard' }, permissions: 'present' },
};

/** RFC 3339, whole seconds, with a zone. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/;

export const newId = () => randomBytes(16).toString('hex');
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const keys = (object) => Object.keys(object).sort();

/** Connections of the test that runs, put away when it is over. @type {Set<Client>} */
const open = new Set();

/** One connection. */
export class Client {
  /** Messages that no test has looked at, oldest first. @type {Record<string, any>[]} */
  inbox = [];
  #waiting = new Set();

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.socket = socket;
    open.add(this);
    socket.on('message', (data, binary) => {
      const text = data.toString();
      const message = binary ? { type: 'a binary frame' } : JSON.parse(text);
      message[RAW] = text;
      this.inbox.push(message);
      for (const wake of this.#waiting) wake();
    });
    /** How the connection ended. @type {Promise<{code: number, reason: string}>} */
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.ended = { code, reason: reason.toString() };
        resolve(this.ended);
        for (const wake of this.#waiting) wake();
      });
    });
    socket.on('error', () => {});
  }

  /** Opens a socket and says nothing. @param {Server} server @param {object} [options] options of `ws` */
  static open(server, options = {}) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${server.origin.replace('http', 'ws')}/ws`, { perMessageDeflate: false, ...options });
      const client = new Client(socket);
      socket.once('open', () => resolve(client));
      socket.once('unexpected-response', (_, response) => reject(new Error(`status ${response.statusCode}`)));
      socket.once('error', reject);
    });
  }

  /** Opens a socket and shakes hands. */
  static async greet(server, { id = newId(), version = ['2'] } = {}) {
    const client = await Client.open(server);
    client.id = id;
    client.send({ type: 'handshake', id, ...(version ? { version } : {}) });
    assert.equal((await client.next()).type, 'handshake');
    return client;
  }

  /**
   * Shakes hands and joins; the client then has seen itself and everybody else
   * whom `status.clientCount` promises.
   */
  static async enter(server, group, { id, version, username = 'guest', password, ...rest } = {}) {
    const client = await Client.greet(server, { id, version });
    client.username = username;
    client.group = group;
    client.send({ type: 'join', kind: 'join', group, username, password, ...rest });
    client.joined = await client.find((m) => m.type === 'joined');
    assert.equal(client.joined.kind, 'join', `joined: ${client.joined[RAW]}`);
    client.self = await client.find((m) => m.type === 'user' && m.id === client.id);
    const expected = client.joined.status?.clientCount;
    if (expected === undefined) await client.settle();
    else for (let others = 1; others < expected; others += 1) await client.find((m) => m.type === 'user' && m.kind === 'add');
    client.inbox.length = 0;
    return client;
  }

  send(...messages) {
    for (const message of messages) this.socket.send(JSON.stringify(message));
  }

  sendText(text) {
    this.socket.send(text);
  }

  /** The first message that fits, taken out; those before it stay. */
  async find(fits, what = String(fits)) {
    const until = Date.now() + ANSWER_MAX_MS;
    for (;;) {
      const at = this.inbox.findIndex(fits);
      if (at >= 0) return this.inbox.splice(at, 1)[0];
      if (this.ended) throw new Error(`closed (${this.ended.code} ${this.ended.reason}) before ${what}; got ${this.#heard()}`);
      const left = until - Date.now();
      if (left <= 0) throw new Error(`never came: ${what}; got ${this.#heard()}`);
      await new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
  }

  #heard() {
    return JSON.stringify(this.inbox.map((message) => message[RAW]?.slice(0, 300)));
  }

  /** The very next message. */
  next() {
    return this.find(() => true, 'any message');
  }

  /** The next `usermessage` of a kind. */
  told(kind) {
    return this.find((m) => m.type === 'usermessage' && m.kind === kind, `usermessage ${kind}`);
  }

  /** The next soft error, which must say `text` and have the shape the protocol gives it. */
  async refused(text) {
    const message = await this.told('error');
    assert.equal(message.value, text);
    assert.equal(message.privileged, true);
    assert.equal(message.dest, this.id);
    return message;
  }

  /** Waits until everything asked so far is answered. */
  async settle() {
    this.send({ type: 'ping' });
    await this.find((m) => m.type === 'pong', 'pong');
    await sleep(QUIET_MS);
  }

  /** What came and nobody asked for; forgets it. */
  async rest() {
    await this.settle();
    return this.inbox.splice(0);
  }

  /** Nothing more has come. */
  async quiet() {
    assert.deepEqual((await this.rest()).map((m) => m[RAW]), []);
  }

  /** The connection must end like this. @param {number} code @param {string | RegExp} [reason] */
  async ends(code, reason) {
    let timer;
    const end = await Promise.race([
      this.closed,
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`still open, ${code} expected; got ${this.#heard()}`)), ANSWER_MAX_MS);
      }),
    ]);
    clearTimeout(timer);
    assert.equal(end.code, code, `closed with ${end.code} ${end.reason}`);
    if (reason instanceof RegExp) assert.match(end.reason, reason);
    else if (reason !== undefined) assert.equal(end.reason, reason);
  }

  /** A fatal error with words: the last message and the close say the same. */
  async endsSaying(code, text) {
    await this.refused(text);
    await this.ends(code, text);
  }

  close() {
    this.socket.close(1000);
    return this.closed;
  }
}

/**
 * Tests against one server: `suite(options)` starts it before the tests of the
 * file and gives a `test` that hands it over.
 * @param {Parameters<typeof Server.start>[0]} options
 */
export function suite(options) {
  /** @type {Server} */
  let server;
  if (!usesStub) {
    before(async () => {
      server = await Server.start(options);
    });
    after(async () => {
      await server?.stop();
    });
  }
  return (name, body) => test(name, { skip: usesStub ? 'the stub is no server' : false }, async () => {
    try {
      await body(server);
    } finally {
      for (const client of open) client.socket.terminate();
      await Promise.all([...open].map((client) => client.closed));
      open.clear();
      await sleep(LEAVE_MS);
    }
  });
}

/** One HTTP request, as a browser makes it. @returns {Promise<{status: number, headers: http.IncomingHttpHeaders, body: string}>} */
export function ask(server, path, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const all = { accept: 'text/html,*/*;q=0.8', ...headers };
    const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers: all }, (reply) => {
      let body = '';
      reply.setEncoding('utf8');
      reply.on('data', (text) => {
        body += text;
      });
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Tries to join and gives the `joined` that comes. */
export async function tryJoin(server, group, { id, version, ...join } = {}) {
  const client = await Client.greet(server, { id, version });
  const from = Date.now();
  client.send({ type: 'join', kind: 'join', group, ...join });
  const joined = await client.find((m) => m.type === 'joined');
  return { client, joined, tookMs: Date.now() - from };
}

/** A join that must fail with these words. */
export async function failsToJoin(server, group, join, value, error) {
  const { client, joined, tookMs } = await tryJoin(server, group, join);
  assert.equal(joined.kind, 'fail', joined[RAW]);
  assert.equal(joined.value, value);
  assert.equal(joined.error, error);
  assert.equal(joined.group, group);
  assert.equal(typeof joined.username, 'string', 'a username, perhaps an empty one');
  assert.deepEqual(keys(joined), ['group', 'kind', 'type', 'username', 'value', ...(error ? ['error'] : [])].sort());
  await client.close();
  return tookMs;
}
