/**
 * A bad network between browsers and the server: drives the proxy
 * `parlour-impair` by lines of JSON.
 *
 * It listens on another loopback address under the same port number as the
 * server, so the server only has to announce that address for media.
 */

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where the proxy is. */
const ADDRESS = '127.0.0.2';
/** How long it may take to answer an order, and things to show in its figures. */
const ANSWER_MAX_MS = 20_000;

/** What the server must be told: where media goes, and that its port is shared. */
export const NETWORK_ENV = { PARLOUR_MEDIA_ANNOUNCE: `["${ADDRESS}"]`, PARLOUR_MEDIA_WORKERS: '2' };

/** Proxies that must not outlive the tests. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Network {
  #child;
  #lines;

  /** @param {import('node:child_process').ChildProcess} child @param {number} port */
  constructor(child, port) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.origin = `http://${ADDRESS}:${port}`;
    this.address = ADDRESS;
  }

  /**
   * Starts a proxy in front of a server.
   * @param {{port: number}} server
   * @param {{preset?: string, seed?: number}} [options]
   */
  static async start({ port }, { preset = 'clean', seed = 1 } = {}) {
    const program = process.env.PARLOUR_IMPAIR || join(dirname(process.env.PARLOUR_BIN ?? ''), 'parlour-impair');
    const [here, there] = [`${ADDRESS}:${port}`, `127.0.0.1:${port}`];
    const child = spawn(program, [
      '--udp', here, '--udp-to', there, '--share-port', '--tcp', here, '--tcp-to', there, '--profile', preset, '--seed', String(seed),
    ], { stdio: ['pipe', 'pipe', 'inherit'] });
    running.add(child);
    child.ended = new Promise((resolve) => {
      child.once('exit', resolve);
      child.once('error', resolve);
    });
    child.ended.then(() => running.delete(child));
    const network = new Network(child, port);
    const { event } = await network.#answer();
    if (event !== 'listening') throw new Error(`the proxy begins with ${event}`);
    return network;
  }

  async #answer() {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('the proxy does not answer')), ANSWER_MAX_MS);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done) throw new Error('the proxy has ended');
      return JSON.parse(value);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One order, one answer; one at a time. @param {object} order */
  async #tell(order) {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    const answer = await this.#answer();
    if (answer.event === 'error') throw new Error(`the proxy refuses ${JSON.stringify(order)}: ${answer.text}`);
    return answer;
  }

  /** Another network from now on: a preset's name, or a profile. @param {string | object} wish */
  become(wish) {
    return this.#tell(typeof wish === 'string' ? { do: 'profile', preset: wish } : { do: 'profile', profile: wish });
  }

  /** No datagram gets through for so long. @param {number} ms */
  blackOut(ms) {
    return this.#tell({ do: 'blackout', ms });
  }

  /** No byte of a stream arrives for so long. @param {number} ms */
  stall(ms) {
    return this.#tell({ do: 'stall', ms });
  }

  /** Every client's datagrams come from another port from now on. */
  rebind() {
    return this.#tell({ do: 'rebind' });
  }

  /** Every connection is reset. */
  reset() {
    return this.#tell({ do: 'reset' });
  }

  stats() {
    return this.#tell({ do: 'stats' });
  }

  /** Waits until the figures are so. @param {(stats: any) => boolean} so */
  async until(so) {
    const end = Date.now() + ANSWER_MAX_MS;
    for (;;) {
      const stats = await this.stats();
      if (so(stats)) return stats;
      if (Date.now() > end) throw new Error(`the network does not show ${so}: ${JSON.stringify(stats)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
    await this.#child.ended;
    clearTimeout(timer);
  }
}
