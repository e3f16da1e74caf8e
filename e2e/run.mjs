/**
 * Runs the conformance tests of the Galène protocol and then the browser
 * tests, or those named on the command line:
 * `node run.mjs [--stub] [NAME…]`. Needs PARLOUR_BIN (the server) and a
 * Chromium (CHROMIUM or /usr/bin/chromium); without a server the stub proves
 * the tests themselves.
 */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const files = ['protocol', 'rooms', 'scenarios'].flatMap((folder) => readdirSync(`${here}${folder}`)
  .filter((file) => file.endsWith('.test.mjs'))
  .map((file) => `${folder}/${file}`)
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  .map((file) => `${here}${file}`));

const stub = process.argv.includes('--stub') || !process.env.PARLOUR_BIN;
console.log(stub ? 'server: stub (signalling only)' : `server: ${process.env.PARLOUR_BIN}`);

// One scenario at a time: each has several encoders and decoders to feed.
const child = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-reporter=spec', '--test-timeout=240000', ...files], {
  stdio: 'inherit', env: { ...process.env, ...(stub ? { PARLOUR_E2E_STUB: '1' } : {}) },
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
