/** Tokens that somebody else signs (docs/protocols/galene.md §5.7), and ICE servers (§5.5). */

import assert from 'node:assert/strict';
import { createHmac, createSign, generateKeyPairSync, randomBytes, sign as signWith } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { PEOPLE, failsToJoin, suite, tryJoin } from './client.mjs';

const HS = { kty: 'oct', alg: 'HS256', k: randomBytes(32).toString('base64url'), kid: 'hs' };
const HS_OTHER = { kty: 'oct', alg: 'HS256', k: randomBytes(32).toString('base64url') };
const HS512 = { kty: 'oct', alg: 'HS512', k: randomBytes(64).toString('base64url') };
const SHORT = { kty: 'oct', alg: 'HS384', k: randomBytes(16).toString('base64url') };
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const authKeys = [HS, HS512, { ...EC.publicKey.export({ format: 'jwk' }), alg: 'ES256' }, { ...RSA.publicKey.export({ format: 'jwk' }), alg: 'RS256' }, SHORT];
const group = { ...PEOPLE, authKeys, 'auto-subgroups': true };
const it = suite({ groups: { signed: group, other: group, unsigned: PEOPLE } });
const hosted = suite({ groups: { signed: group }, env: { PARLOUR_HTTP_CANONICAL_HOST: 'meet.example.org' } });

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const seconds = (shift) => Math.floor(Date.now() / 1000) + shift;
const AUD = 'https://meet.example.org/group/signed/';
const CLAIMS = () => ({ sub: 'ada', aud: AUD, permissions: ['present'], iat: seconds(0), exp: seconds(60) });

/** A JWT with these claims; `undefined` takes a claim out. */
function jwt(claims = {}, { alg = 'HS256', key = HS, header = {} } = {}) {
  const head = `${b64({ alg, typ: 'JWT', ...header })}.${b64({ ...CLAIMS(), ...claims })}`;
  if (alg === 'none') return `${head}.`;
  const signature = {
    HS256: () => createHmac('sha256', Buffer.from(key.k, 'base64url')).update(head).digest(),
    HS384: () => createHmac('sha384', Buffer.from(key.k, 'base64url')).update(head).digest(),
    HS512: () => createHmac('sha512', Buffer.from(key.k, 'base64url')).update(head).digest(),
    ES256: () => signWith('sha256', Buffer.from(head), { key: EC.privateKey, dsaEncoding: 'ieee-p1363' }),
    RS256: () => createSign('RSA-SHA256').update(head).sign(RSA.privateKey),
  }[alg]();
  return `${head}.${signature.toString('base64url')}`;
}
const joins = async (server, token, name = 'ada', join = {}, where = 'signed') => {
  const { joined, client } = await tryJoin(server, where, { token, ...join });
  assert.equal(joined.kind, 'join', joined.value);
  assert.equal(joined.username, name);
  await client.close();
  return joined;
};
const refused = async (server, token, where = 'signed') => {
  const took = await failsToJoin(server, where, { token, username: 'ada' }, 'not authorised');
  assert.ok(took >= 190);
};

for (const [alg, key] of [['HS256', HS], ['HS512', HS512], ['ES256'], ['RS256']]) {
  it(`${alg} is good, and its permissions are taken literally`, async (server) => {
    assert.deepEqual((await joins(server, jwt({}, { alg, key }))).permissions, ['present']);
    await joins(server, jwt({}, { alg, key }), 'ada', { username: 'other', password: 'ignored' });
    const good = jwt({}, { alg, key });
    await refused(server, good.slice(0, -4) + (good.endsWith('AAAA') ? 'BBBB' : 'AAAA'));
    await refused(server, good, 'unsigned');
  });
}

it('a key that is named is the one that is used', async (server) => {
  await joins(server, jwt({}, { header: { kid: 'hs' } }));
});

for (const [why, token] of [
  ['another key', () => jwt({}, { key: HS_OTHER })], ['no algorithm', () => jwt({}, { alg: 'none' })], ['a key of the wrong length', () => jwt({}, { alg: 'HS384', key: SHORT })],
  ['no end', () => jwt({ exp: undefined })], ['an end long past', () => jwt({ exp: seconds(-60) })], ['a beginning in the future', () => jwt({ nbf: seconds(60) })],
  ['a birth in the future', () => jwt({ iat: seconds(60) })], ['no audience', () => jwt({ aud: undefined })], ['another group', () => jwt({ aud: 'https://meet.example.org/group/other/' })],
  ['an audience without a slash at its end', () => jwt({ aud: 'https://meet.example.org/group/signed' })], ['an audience that is no URL', () => jwt({ aud: 'signed' })],
  ['the group above', () => jwt({ aud: 'https://meet.example.org/group/' })], ['permissions that are no list', () => jwt({ permissions: 'op' })],
  ['an end that is a text', () => jwt({ exp: 'later' })], ['a name no user can have', () => jwt({ sub: '../x' })],
]) {
  it(`a JWT with ${why} is not authorised`, (server) => refused(server, token()));
}

it('a few seconds do not matter', async (server) => {
  await joins(server, jwt({ exp: seconds(-2) }));
  await joins(server, jwt({ nbf: seconds(3), iat: seconds(3) }));
});

it('one audience of several is enough', (server) => joins(server, jwt({ aud: ['https://x.example/', AUD] })));

it('without a subject the client says its name, unless it is a named user\'s', async (server) => {
  for (const sub of [undefined, '']) {
    await joins(server, jwt({ sub }), 'guest', { username: 'guest' });
    await failsToJoin(server, 'signed', { token: jwt({ sub }), username: 'zoe' }, 'not authorised: this username is taken', 'duplicate-username');
  }
});

it('with include-subgroups a token is good below its audience too', async (server) => {
  const below = { 'include-subgroups': true };
  await joins(server, jwt(below), 'ada', {}, 'signed');
  await joins(server, jwt(below), 'ada', {}, 'signed/sub/deep');
  await joins(server, jwt({ ...below, aud: 'https://meet.example.org/group/' }));
  await refused(server, jwt(), 'signed/sub');
  await refused(server, jwt(below), 'other');
  await refused(server, jwt({ ...below, aud: 'https://meet.example.org/group/sign/' }));
});

hosted('with a canonical host the audience must name it', async (server) => {
  await joins(server, jwt());
  await refused(server, jwt({ aud: 'https://evil.example.org/group/signed/' }));
  await refused(server, jwt({ aud: 'https://meet.example.org:8443/group/signed/' }));
});

it('ICE servers are told in the form of browsers', async (server) => {
  await server.kill();
  await writeFile(`${server.dir}/ice-servers.json`, JSON.stringify([
    { urls: ['stun:stun.example.org'] },
    { Urls: ['turn:turn.example.org:3478', 'turn:turn.example.org?transport=tcp'], username: 'u', credential: 'c' },
  ]));
  await server.run();
  const { joined } = await tryJoin(server, 'unsigned', { username: 'bob' });
  assert.deepEqual(joined.rtcConfiguration, {
    iceServers: [
      { urls: ['stun:stun.example.org'], credentialType: 'password' },
      { urls: ['turn:turn.example.org:3478', 'turn:turn.example.org?transport=tcp'], username: 'u', credential: 'c', credentialType: 'password' },
    ],
  });
});
