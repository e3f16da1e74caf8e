/**
 * What every scenario needs: a browser for the file, a server and a party for
 * each test, everything put away afterwards.
 */

import test, { after, before } from 'node:test';
import { Party, launch } from './browser.mjs';
import { NETWORK_ENV, Network } from './impair.mjs';
import { Server, usesStub } from './server.mjs';

/** @type {import('playwright-core').Browser | undefined} */
let browser;

/** Opens one browser for all tests of a file. @param {Parameters<typeof launch>[0]} [options] */
export function useBrowser(options) {
  before(async () => {
    browser = await launch(options);
  });
  after(async () => {
    await browser?.close();
  });
}

/**
 * A test with a running server and a party that may not complain. With a
 * `network`, everything between the two goes through it.
 * @param {string} name
 * @param {{groups?: Record<string, object>, env?: Record<string, string>, scheme?: 'http' | 'https', needsServer?: string, network?: {preset?: string, seed?: number}}} options
 * @param {(scene: {server: Server, party: Party, network?: Network}) => Promise<void>} body
 */
export function scene(name, options, body) {
  test(name, { skip: usesStub && options.needsServer ? `the stub has no ${options.needsServer}` : false }, async () => {
    const env = options.network ? { ...NETWORK_ENV, ...options.env } : options.env;
    const server = await Server.start({ ...options, env });
    const network = options.network && await Network.start(server, options.network).catch(async (error) => {
      await server.stop();
      throw error;
    });
    const party = new Party(browser, network?.origin ?? server.origin);
    try {
      await body({ server, party, network });
      await party.goHome();
    } catch (error) {
      console.error(`last words of the server:\n${server.output}`);
      await party.goHome().catch((complaint) => console.error(String(complaint)));
      throw error;
    } finally {
      await network?.stop();
      await server.stop();
    }
  });
}
