import assert from 'node:assert/strict';
import test from 'node:test';
import {
  ALGORITHM, IV_BYTES, KEY_BYTES, LINKS_MAX, TEXT_CHARS_MAX, fragmentOf, keyOfFragment, newKey, openDetails, readDetails, seal, sealDetails, unseal, webAddress,
} from '../src/wire/context.js';
import { fromBase64, fromHex, toBase64, toBase64Url, toHex, utf8 } from '../src/wire/bytes.js';

const DETAILS = { name: 'Tee mit Ädä ☕', description: 'Every Friday', links: [{ url: 'https://example.org/menu', text: 'The menu' }] };

test('what a room is about comes back out with its key, and its key with the owner’s', async () => {
  const [key, own] = [newKey(), newKey()];
  const context = await sealDetails(key, own, DETAILS);
  assert.equal(context.alg, ALGORITHM);
  assert.deepEqual(await openDetails(key, context), DETAILS);
  assert.deepEqual(await unseal(own, context.wrappedKey), key);
  assert.equal(fromBase64(context.wrappedKey)?.length, IV_BYTES + KEY_BYTES + 16);
});

test('a value made elsewhere opens: IV in front, tag behind', async () => {
  // AES-128-GCM, test case 2 of the GCM specification with 96-bit IV of zeros and one block of zeros.
  const sealed = fromHex('000000000000000000000000' + '0388dace60b6a392f328c2b971b2fe78' + 'ab6e47d42cec13bdf53a67b21257bddf');
  assert.ok(sealed);
  assert.deepEqual(await unseal(new Uint8Array(KEY_BYTES), toBase64(sealed)), new Uint8Array(16));
});

test('a wrong key, another algorithm, a broken value and no value give nothing', async () => {
  const key = newKey();
  const context = await sealDetails(key, key, DETAILS);
  const broken = fromBase64(context.value) ?? new Uint8Array();
  broken[20] = (broken[20] ?? 0) ^ 1;
  assert.equal(await openDetails(newKey(), context), null);
  assert.equal(await openDetails(key, { ...context, alg: 'AES-CBC' }), null);
  assert.equal(await openDetails(key, { ...context, value: toBase64(broken) }), null);
  for (const value of ['', '!!!', 'AAAA', 'A'.repeat(300_000)]) assert.equal(await openDetails(key, { ...context, value }), null, value.slice(0, 8));
  assert.equal(await openDetails(key, { ...context, value: await seal(key, utf8('no json')) }), null);
});

test('each sealing has an IV of its own', async () => {
  const key = newKey();
  assert.notEqual(await seal(key, utf8('x')), await seal(key, utf8('x')));
});

test('the key travels in the fragment', () => {
  const key = newKey();
  const fragment = fragmentOf(key);
  assert.match(fragment, /^#[A-Za-z0-9_-]{22}$/);
  assert.deepEqual(keyOfFragment(fragment), key);
  for (const text of ['', '#', '#short', '#!!', `${fragment}AAAA`]) assert.equal(keyOfFragment(text), null, text);
});

test('only web addresses become links', () => {
  assert.equal(webAddress('https://example.org'), 'https://example.org/');
  for (const text of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '/r/x', 'ftp://x', 'https://u:p@example.org', ' javascript:1', '']) {
    assert.equal(webAddress(text), '', text);
  }
  const { links } = readDetails({ urls: ['https://a.example', { location: 'javascript:x', description: 'no' }, { location: 'http://b.example/' }, null, 7] });
  assert.deepEqual(links, [{ url: 'https://a.example/', text: 'https://a.example/' }, { url: 'http://b.example/', text: 'http://b.example/' }]);
});

test('what others write has limits and becomes text', () => {
  assert.deepEqual(readDetails(null), { name: '', description: '', links: [] });
  assert.deepEqual(readDetails({ roomName: 7, description: {}, urls: {} }), { name: '', description: '', links: [] });
  const long = readDetails({ roomName: 'x'.repeat(9_000), urls: Array.from({ length: 100 }, () => 'https://a.example') });
  assert.equal(long.name.length, TEXT_CHARS_MAX);
  assert.equal(long.links.length, LINKS_MAX);
});

test('bytes become text and come back', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  assert.deepEqual(fromHex(toHex(bytes)), bytes);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.deepEqual(fromBase64(toBase64Url(bytes)), bytes);
  assert.deepEqual([fromHex('0'), fromHex('0g'), fromBase64('*')], [null, null, null]);
});
