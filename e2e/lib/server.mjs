/**
 * Starts and ends the server under test, each time on free ports and with a
 * data folder of its own.
 */

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STUB = fileURLToPath(new URL('../stub-server.mjs', import.meta.url));
/** How long a server may take until it answers. */
const READY_MAX_MS = 20_000;
/** How long it may take to end when asked. */
const STOP_MAX_MS = 6_000;

/** Whether the stub stands in for the server. */
export const usesStub = !process.env.PARLOUR_BIN || process.argv.includes('--stub') || process.env.PARLOUR_E2E_STUB === '1';

/** A port that is free for TCP and UDP alike. @returns {Promise<number>} */
export async function freePort() {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = await new Promise((resolve, reject) => {
      const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
        const { port: found } = server.address();
        server.close(() => resolve(found));
      });
    });
    const free = await new Promise((resolve) => {
      const socket = createSocket('udp4').once('error', () => resolve(false));
      socket.bind(port, '0.0.0.0', () => socket.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('no free port');
}

/** Whether an address answers with 200; its certificate may be of its own making. @param {string} url @returns {Promise<boolean>} */
function answers(url) {
  const { get } = url.startsWith('https:') ? https : http;
  return new Promise((resolve) => {
    const request = get(url, { rejectUnauthorized: false, timeout: 1000 }, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    });
    request.on('error', () => resolve(false));
    request.on('timeout', () => request.destroy());
  });
}

/** Servers that must not outlive the tests. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Server {
  #child = null;
  #output = '';

  /** @param {{dir: string, port: number, env: Record<string, string>, scheme: 'http' | 'https'}} place */
  constructor({ dir, port, env, scheme }) {
    this.dir = dir;
    this.port = port;
    this.env = env;
    this.origin = `${scheme}://127.0.0.1:${port}`;
  }

  /**
   * Starts a server on an empty data folder, or with the group files given.
   * @param {{groups?: Record<string, object>, env?: Record<string, string>, scheme?: 'http' | 'https'}} [options]
   */
  static async start({ groups = {}, env = {}, scheme = 'http' } = {}) {
    const dir = await mkdtemp(join(tmpdir(), 'parlour-e2e-'));
    await mkdir(join(dir, 'groups'), { recursive: true });
    for (const [name, description] of Object.entries(groups)) {
      await writeFile(join(dir, 'groups', `${name}.json`), JSON.stringify(description));
    }
    const server = new Server({ dir, port: await freePort(), env, scheme });
    try {
      await server.run();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Runs the server on the same data and port as before. */
  async run() {
    const [program, first] = usesStub ? [process.execPath, [STUB]] : [process.env.PARLOUR_BIN, []];
    const child = spawn(program, [...first, 'serve', '--data', this.dir, '--listen', this.origin], {
      env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    const keep = (bytes) => {
      this.#output = (this.#output + bytes).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(`server ended with ${code ?? signal}`)));
    child.ended = ended;
    const until = Date.now() + READY_MAX_MS;
    while (Date.now() < until) {
      if (child.exitCode !== null) break;
      if (await answers(`${this.origin}/public-groups.json`)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the server did not answer\n${this.#output}`);
  }

  /** The last words of the server, for a failing test. */
  get output() {
    return this.#output;
  }

  /** Lets the process stand still, or go on. @param {boolean} still */
  freeze(still) {
    this.#child.kill(still ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Ends the process without warning. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#child.ended;
  }

  /** Ends the process in good order and removes its data. */
  async stop() {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
      await child.ended;
      clearTimeout(timer);
    }
    await rm(this.dir, { recursive: true, force: true });
  }
}
