/**
 * A client of the rooms API written from its description alone: Hawk and
 * Basic, requests as bytes, a receiver of notifications, stand-ins for outside
 * services. It shares no code with the server.
 */

import assert from 'node:assert/strict';
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { Server, usesStub } from '../lib/server.mjs';

/** How long to wait for something that must come. */
const PATIENCE_MS = 8_000;

/** The names of each error, as clients know them. */
export const errno = {
  token: 105, json: 106, invalid: 107, missing: 108, auth: 110, expired: 111, state: 114,
  capacity: 121, unavailable: 122, backend: 201, full: 202, outside: 203, unsupported: 204,
  undefined: 999,
};

/** Hawk id and key of a session token. @param {string} token */
export function credentials(token) {
  const info = 'identity.mozilla.com/picl/v1/sessionToken';
  const bytes = Buffer.from(hkdfSync('sha256', Buffer.from(token, 'hex'), Buffer.alloc(32), info, 64));
  return { id: bytes.subarray(0, 32).toString('hex'), key: bytes.subarray(32).toString('hex') };
}

const hmac = (key, text) => createHmac('sha256', key).update(text).digest('base64');

/** The text that is signed, and its signature. */
export function mac(key, { kind = 'header', ts, nonce, method, path, host, port, hash = '', ext = '' }) {
  return hmac(key, `hawk.1.${kind}\n${ts}\n${nonce}\n${method}\n${path}\n${host}\n${port}\n${hash}\n${ext}\n`);
}

/** A Hawk header for a request. @returns {{header: string, answer: string}} the header, and the signature of the answer */
export function hawk(token, { method, path, host, port, body, type = 'application/json', ts = Math.floor(Date.now() / 1000), nonce = randomBytes(6).toString('hex'), hashed = false }) {
  const { id, key } = credentials(token);
  const payload = `hawk.1.payload\n${type}\n${body ?? ''}\n`;
  const hash = hashed ? createHash('sha256').update(payload).digest('base64') : '';
  const signed = { ts, nonce, method, path, host, port };
  const parts = [`id="${id}"`, `ts="${ts}"`, `nonce="${nonce}"`];
  if (hash) parts.push(`hash="${hash}"`);
  parts.push(`mac="${mac(key, { ...signed, hash })}"`);
  return { header: `Hawk ${parts.join(', ')}`, answer: mac(key, { ...signed, kind: 'response' }) };
}

/** One HTTP request as it is; the body of the answer as text. */
export function raw(server, method, path, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers: body === undefined ? headers : { 'content-length': Buffer.byteLength(body), ...headers } }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (part) => {
        text += part;
      });
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, text }));
      reply.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/**
 * Whether an answer to a Hawk request must be signed: wherever nothing but Hawk
 * can have been looked at before. Some refusals come before who asks is looked
 * at, and some paths are everybody's.
 */
function isSigned(method, path, status) {
  const isPublic = path === '/' || path.startsWith('/__') || path.startsWith('/calls/') || path === '/push-server-config' || path === '/api-specs' || method === 'OPTIONS';
  return !isPublic && ((status < 300 && status >= 200) || [304, 403, 405, 410].includes(status));
}

/** Somebody who asks: nobody, a session (`hawk`) or a participant (`basic`). */
export class Caller {
  /** @param {import('../lib/server.mjs').Server} server */
  constructor(server, { hawk: session, basic, prefix = '/v0' } = {}) {
    this.server = server;
    this.session = session;
    this.basic = basic;
    this.prefix = prefix;
  }

  /** The same one with other credentials. */
  with(credentials) {
    return new Caller(this.server, { prefix: this.prefix, ...credentials });
  }

  /** A request with a JSON body, or another as text; the answer with its body read. */
  async ask(method, path, body, { headers = {}, text: form } = {}) {
    const whole = `${this.prefix}${path}`;
    const text = body === undefined ? form : JSON.stringify(body);
    const all = { ...headers };
    if (text !== undefined) all['content-type'] ??= 'application/json';
    let answer;
    if (this.session) {
      const signed = hawk(this.session, { method, path: whole, host: '127.0.0.1', port: this.server.port, body: text });
      all.authorization ??= signed.header;
      answer = signed.answer;
    } else if (this.basic) {
      all.authorization ??= `Basic ${Buffer.from(`${this.basic}:`).toString('base64')}`;
    }
    const reply = await raw(this.server, method, whole, { headers: all, body: text });
    if (answer && (reply.headers['server-authorization'] || isSigned(method, path, reply.status))) {
      assert.equal(reply.headers['server-authorization'], `Hawk mac="${answer}"`);
    }
    let read;
    try {
      read = reply.text === '' ? undefined : JSON.parse(reply.text);
    } catch {
      read = undefined;
    }
    return { ...reply, body: read };
  }

  get(path, options) {
    return this.ask('GET', path, undefined, options);
  }

  post(path, body, options) {
    return this.ask('POST', path, body, options);
  }

  /** A new session, told of rooms or calls at these addresses. */
  async register(urls) {
    const reply = await this.with({}).post('/registration', urls ? { simplePushURLs: urls } : {});
    assert.equal(reply.status, 200, reply.text);
    return this.with({ hawk: reply.headers['hawk-session-token'] });
  }

  /** A new room of this caller. */
  async room(fields = {}) {
    const context = { value: 'v', alg: 'AES-GCM', wrappedKey: 'k' };
    const reply = await this.post('/rooms', { context, roomOwner: '-', maxSize: 2, ...fields });
    assert.equal(reply.status, 201, reply.text);
    return reply.body.roomToken;
  }

  join(room, clientMaxSize = 5, displayName = 'Guest') {
    return this.post(`/rooms/${room}`, { action: 'join', displayName, clientMaxSize });
  }

  act(room, action, fields = {}) {
    return this.post(`/rooms/${room}`, { action, ...fields });
  }

  /** A participant without a session. */
  async guest(room, clientMaxSize = 5) {
    const reply = await this.with({}).join(room, clientMaxSize);
    assert.equal(reply.status, 200, reply.text);
    return this.with({ basic: reply.body.sessionToken });
  }
}

/** Asserts an error: status, number, text if it is given. */
export function refused(reply, status, number, text) {
  assert.equal(reply.status, status, reply.text);
  assert.deepEqual(Object.keys(reply.body).sort(), ['code', 'errno', 'error'], reply.text);
  assert.equal(reply.body.code, status);
  assert.equal(reply.body.errno, number, reply.text);
  assert.ok(reply.body.error);
  if (text !== undefined) assert.equal(reply.body.error, text);
  assert.match(reply.headers['content-type'], /^application\/json; charset=utf-8/);
}

/** Waits until something is so. @template T @param {() => T | Promise<T>} look @returns {Promise<T>} */
export async function until(look, what = 'something') {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A service that keeps what it is sent and answers as it is told. */
export class Service {
  /** @param {(request: {method: string, path: string, headers: http.IncomingHttpHeaders, body: string}) => {status: number, body?: string}} answer */
  static async start(answer = () => ({ status: 200 })) {
    const service = new Service();
    service.answer = answer;
    service.seen = [];
    service.http = http.createServer((request, reply) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        const one = { method: request.method, path: request.url, headers: request.headers, body };
        service.seen.push(one);
        const { status, body: text = '' } = service.answer(one);
        reply.writeHead(status, { 'content-type': 'application/json' }).end(text);
      });
    });
    await new Promise((resolve) => service.http.listen(0, '127.0.0.1', resolve));
    service.origin = `http://127.0.0.1:${service.http.address().port}`;
    return service;
  }

  /** What was sent to a path. */
  at(path) {
    return this.seen.filter((one) => one.path === path);
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }
}

/** A socket of a one-to-one call. */
export class Progress {
  constructor(server) {
    this.heard = [];
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/websocket`);
    this.socket.on('message', (text) => this.heard.push(JSON.parse(text)));
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
  }

  async say(message) {
    await this.opened;
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    return this;
  }

  /** The n-th message, counted from 1. */
  nth(n) {
    return until(() => this.heard[n - 1], `message ${n} (heard ${JSON.stringify(this.heard)})`);
  }
}

/**
 * A server for the tests of a file, and services it needs, which `options`
 * gets; each test is run with and without the prefix of the API where
 * `prefixes` says so.
 */
export function suite(options = () => ({}), { prefixes = ['/v0'] } = {}) {
  /** @type {Server} */
  let server;
  const services = {};
  if (!usesStub) {
    before(async () => {
      services.push = await Service.start();
      services.web = await Service.start(() => ({ status: 404 }));
      server = await Server.start({ env: { PARLOUR_ROOMS_ORIGINS: '["http://localhost:3000"]', ...(await options(services)) } });
    });
    after(async () => {
      await server?.stop();
      await Promise.all(Object.values(services).map((service) => service.stop()));
    });
  }
  const skip = usesStub ? 'the stub is no server' : false;
  return (name, body) => {
    for (const prefix of prefixes) {
      const title = prefixes.length > 1 ? `${name} (${prefix || 'no prefix'})` : name;
      test(title, { skip }, async () => body(new Caller(server, { prefix }), services, server));
    }
  };
}
