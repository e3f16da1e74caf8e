/**
 * The browser and the people in it: one separate context for each, with every
 * complaint of the page written down.
 */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const OUT = fileURLToPath(new URL('../out/', import.meta.url));

/** Source: docs/protocols/galene.md §12.2, and what keeps a headless browser quiet. */
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
  '--disable-features=WebRtcHideLocalIpsWithMdns', '--ignore-certificate-errors',
  '--disable-renderer-backgrounding', '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows',
];
const YES_TO_ALL = ['--use-fake-ui-for-media-stream', '--auto-select-desktop-capture-source=Entire screen'];
const DEVICES = {
  fake: [...YES_TO_ALL, '--use-fake-device-for-media-stream'],
  none: YES_TO_ALL,
  denied: ['--use-fake-device-for-media-stream'],
};

/** How long a thing on a page may take on a busy machine. */
export const PATIENCE_MS = 30_000;

/**
 * A browser with a fake camera and microphone, with no devices, or with
 * devices it may not use.
 * @param {{devices?: keyof typeof DEVICES}} [options]
 */
export function launch({ devices = 'fake' } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: [...FLAGS, ...DEVICES[devices]],
  });
}

/**
 * A browser whose process can be ended without warning, like a machine that
 * loses its power.
 * @returns {Promise<{browser: import('playwright-core').Browser, kill: () => Promise<void>}>}
 */
export async function launchToKill() {
  const server = await chromium.launchServer({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: [...FLAGS, ...DEVICES.fake],
  });
  return { browser: await chromium.connect(server.wsEndpoint()), kill: () => server.kill() };
}

/** Everyone opened by the current test. */
export class Party {
  #people = [];

  /** @param {import('playwright-core').Browser} browser @param {string} origin */
  constructor(browser, origin) {
    this.browser = browser;
    this.origin = origin;
  }

  /**
   * Opens the page of a room as someone new.
   * @param {string} name
   * @param {{room?: string, width?: number, height?: number, query?: string, path?: string, scheme?: 'light' | 'dark', prepare?: () => void,
   *   watch?: (page: import('playwright-core').Page) => void}} [options]  `path` in place of the group's; `watch` before the page is opened.
   */
  async open(name, { room = 'lobby', width = 1100, height = 720, query = '', path = `/group/${room}/${query}`, scheme = 'light', prepare, watch } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: scheme, ignoreHTTPSErrors: true });
    if (prepare) await context.addInitScript(prepare);
    await context.addInitScript(watchPolicy);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(name, context, page);
    this.#people.push(person);
    watch?.(page);
    await page.goto(`${this.origin}${path}`);
    return person;
  }

  /** Opens the page and joins. */
  async join(name, options = {}) {
    const person = await this.open(name, options);
    await person.devicesReady();
    await person.enter();
    await person.isIn();
    return person;
  }

  /** Nobody's page complained; then everyone goes home. */
  async goHome() {
    const complaints = this.#people.flatMap((person) => person.complaints.map((text) => `${person.name}: ${text}`));
    await Promise.all(this.#people.map((person) => person.context.close()));
    assert.deepEqual(complaints, [], 'pages complained');
  }
}

/** Runs in the page: turns violations of the content policy into console errors. */
function watchPolicy() {
  document.addEventListener('securitypolicyviolation', (event) => {
    console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
  });
}

export class Person {
  /** @type {string[]} */
  complaints = [];

  constructor(name, context, page) {
    this.name = name;
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack ?? error}`));
    page.on('console', (message) => {
      const text = message.text();
      // The network's own complaints are expected while a server is down.
      if (message.type() === 'error' && !/WebSocket connection|net::ERR_|Failed to load resource/.test(text)) this.complaints.push(text);
    });
  }

  /** Waits until the preview shows the fake camera. */
  async devicesReady() {
    await this.page.waitForFunction(() => globalThis.parlour?.state().local.cameraOn && globalThis.parlour.state().local.micOn);
  }

  async enter() {
    await this.page.fill('#name', this.name);
    await this.page.click('#join');
  }

  async isIn() {
    await this.page.waitForFunction(() => globalThis.parlour?.state().phase === 'joined');
  }

  state() {
    return this.page.evaluate(() => globalThis.parlour.state());
  }

  /** Waits until the page sees this many people. @param {number} count */
  async sees(count) {
    await this.page.waitForFunction((n) => globalThis.parlour.state().people.length === n, count);
  }

  /** Waits until the page receives exactly this many streams. @param {number} count @param {number} [timeout] */
  async receives(count, timeout = PATIENCE_MS) {
    await this.page.waitForFunction((n) => globalThis.parlour.streams().filter((s) => s.direction === 'down').length === n, count, { timeout });
  }

  async say(text) {
    if (await this.page.isHidden('#panel-chat')) await this.page.click('#tool-chat');
    await this.page.fill('#say-text', text);
    await this.page.press('#say-text', 'Enter');
  }

  /** Waits until a text stands in the chat. @param {string} text */
  async reads(text) {
    await this.page.waitForFunction((t) => globalThis.parlour.state().chat.lines.some((line) => line.text === t), text);
  }

  async screenshot(name) {
    await mkdir(OUT, { recursive: true });
    await this.page.screenshot({ path: `${OUT}${name}.png` });
  }
}
