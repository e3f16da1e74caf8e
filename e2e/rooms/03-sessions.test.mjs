/** Hawk, registration, accounts (docs/protocols/rooms.md §§3 and 5). */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { credentials, errno, hawk, mac, raw, refused, suite, until } from './client.mjs';

const it = suite();
const proxied = suite(() => ({ PARLOUR_HTTP_PROXIES: '["127.0.0.1/32"]' }));
const named = suite(() => ({ PARLOUR_HTTP_PROXIES: '["127.0.0.1/32"]', PARLOUR_HTTP_PUBLIC_URL: 'https://loop.example.com' }));
const login = suite(({ web }) => ({
  PARLOUR_ROOMS_OAUTH_URI: `${web.origin}/oauth/v1`, PARLOUR_ROOMS_PROFILE_URI: `${web.origin}/profile/v1`,
  PARLOUR_ROOMS_CONTENT_URI: 'https://accounts.example', PARLOUR_ROOMS_CLIENT_ID: '0123456789abcdef',
}));
const asserted = suite(({ web }) => ({
  PARLOUR_ROOMS_VERIFIER_URL: `${web.origin}/verify`, PARLOUR_ROOMS_AUDIENCES: '["https://loop.example"]',
  PARLOUR_ROOMS_ISSUERS: '["issuer.example"]',
}));

it('this client signs as the published vectors do', () => {
  const token = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
  const { id, key } = credentials(token);
  assert.equal(id, '5fa7b1a9a3266f052b766e956f525b583607e777f264a5bb67b57ed5e34c2c5c');
  assert.equal(key, '4f05fbeb8c81b662f52d5c21595c1033a5126f3b7dabd872c4cfd8298254651c');
  const request = { ts: 1424903140, nonce: 'Zx81qT', method: 'GET', path: '/v0/rooms?version=1424903100', host: 'loop.example.com', port: 443 };
  assert.equal(mac(key, request), 'T/2NfN86IJo0ZCubBCWt8r9DUGqKhmQPztouW8jNbT4=');
  assert.equal(mac(key, { ...request, kind: 'response' }), 'UKWr62GEM+s09+IjDiEerF7Ti2AmrlDPBQZiRiF/gf4=');
});

it('a registration without credentials makes a session, one with them uses it', async (anyone) => {
  const first = await anyone.post('/registration', {});
  assert.deepEqual([first.status, first.text, first.headers['content-type']], [200, '', 'application/json']);
  assert.match(first.headers['hawk-session-token'], /^[0-9a-f]{64}$/);
  assert.equal(first.headers['access-control-expose-headers'], 'Hawk-Session-Token');
  assert.ok(!('server-authorization' in first.headers));
  assert.ok(first.headers.timestamp && first.headers.date);
  const session = anyone.with({ hawk: first.headers['hawk-session-token'] });
  const second = await session.post('/registration', {});
  assert.equal(second.status, 200);
  assert.ok(!('hawk-session-token' in second.headers));
  assert.ok(second.headers['server-authorization']);
});

it('a registration is refused for its address, its wish and its scheme', async (anyone) => {
  for (const topic of ['calls', 'rooms']) {
    const reply = await anyone.post('/registration', { simplePushURLs: { [topic]: 'not a url' } });
    refused(reply, 400, errno.invalid, `simplePushURLs.${topic} should be a valid url`);
    assert.ok(reply.headers['hawk-session-token'], 'the session is made all the same');
  }
  refused(await anyone.post('/registration', {}, { headers: { accept: 'text/html' } }), 406, errno.json, 'Request body should be defined as application/json');
  for (const accept of ['*/*', 'application/json', 'text/html, */*;q=0.1']) {
    assert.equal((await anyone.post('/registration', {}, { headers: { accept } })).status, 200);
  }
  const other = await anyone.post('/registration', {}, { headers: { authorization: 'Basic eDp5' } });
  refused(other, 401, errno.auth, 'Unsupported');
  assert.equal(other.headers['www-authenticate'], 'BrowserID,Hawk error="Unsupported"');
  const odd = await anyone.post('/registration', { simplePushURLs: { unheard: 1 } });
  assert.equal(odd.status, 200);
});

it('all devices of a user are told at their latest address', async (anyone, { push }) => {
  const base = `/devices-${Math.random()}`;
  const device = await anyone.register({ rooms: `${push.origin}${base}/old` });
  await device.post('/registration', { simplePushURLs: { rooms: `${push.origin}${base}/new` } });
  await device.room();
  await until(() => push.at(`${base}/new`).length === 1, 'a notification');
  assert.equal(push.at(`${base}/old`).length, 0);
  assert.equal((await device.ask('DELETE', '/registration?simplePushURL=x')).status, 204);
  await device.room();
  const other = await anyone.register({ rooms: `${push.origin}${base}/other` });
  await other.room();
  await until(() => push.at(`${base}/other`).length === 1, 'the other user');
  assert.equal(push.at(`${base}/new`).length, 1, 'nobody is told who does not want to be');
});

it('what is wrong with a Hawk header is told in order', async (anyone, _, server) => {
  const { session } = await anyone.register();
  const place = { method: 'GET', path: '/v0/rooms', host: '127.0.0.1', port: server.port };
  const good = hawk(session, place).header;
  const get = (authorization) => raw(server, 'GET', '/v0/rooms', { headers: authorization === undefined ? {} : { authorization } });
  const told = async (authorization, challenge, message) => {
    const reply = await get(authorization);
    const body = JSON.parse(reply.text);
    assert.deepEqual([reply.status, body.code, body.errno], [401, 401, 110], reply.text);
    assert.equal(reply.headers['www-authenticate'], challenge);
    assert.equal(body.error.message, message);
    assert.ok(reply.headers.timestamp);
    assert.ok(!('server-authorization' in reply.headers));
  };
  assert.equal((await get(good)).status, 200);
  assert.equal((await get(good.replace('Hawk', 'hAWK'))).status, 200);
  await told(undefined, 'Hawk');
  await told('', 'Hawk');
  await told('Basic eDp5', 'Hawk');
  const now = Math.floor(Date.now() / 1000);
  await told(hawk('ab'.repeat(32), place).header, 'Hawk error="Unknown credentials"', 'Unknown credentials');
  for (const wrong of [{ port: 443 }, { path: '/rooms' }, { method: 'POST' }, { host: 'localhost' }, { port: 1, ts: now - 1000 }]) {
    await told(hawk(session, { ...place, ...wrong }).header, 'Hawk error="Bad mac"', 'Bad mac');
  }
  for (const ts of [now - 100, now + 100]) {
    const reply = await get(hawk(session, { ...place, ts }).header);
    const [, seconds, tsm] = /^Hawk ts="(\d+)", tsm="([^"]+)", error="Stale timestamp"$/.exec(reply.headers['www-authenticate']);
    const signed = createHmac('sha256', credentials(session).key).update(`hawk.1.ts\n${seconds}\n`).digest('base64');
    assert.equal(tsm, signed);
    assert.equal(reply.headers.timestamp, seconds);
  }
  assert.equal((await get(hawk(session, { ...place, ts: now - 50 }).header)).status, 200);
  for (const bad of ['Hawk', 'Hawk id="x"', 'Hawk id=x', `${good}, id="y"`, `${good}, x="y"`, good.replace('nonce="', 'nonce="\\'),
    good.replace(/, mac=.*/, ''), `Hawk ${'a'.repeat(5000)}`]) {
    const reply = await get(bad);
    const body = JSON.parse(reply.text);
    assert.deepEqual([reply.status, body.errno], [400, 110], bad);
  }
});

it('the hash of a body is signed and not compared', async (anyone, _, server) => {
  const { session } = await anyone.register();
  const body = '{"context":{"value":1,"alg":2,"wrappedKey":3},"roomOwner":"-","maxSize":2}';
  const { header } = hawk(session, { method: 'POST', path: '/v0/rooms', host: '127.0.0.1', port: server.port, body: 'another', hashed: true });
  const headers = { authorization: header, 'content-type': 'application/json' };
  assert.equal((await raw(server, 'POST', '/v0/rooms', { headers, body })).status, 201);
});

proxied('behind a listed proxy the public host and port are signed', async (anyone, _, server) => {
  const { session } = await anyone.register();
  const place = { method: 'GET', path: '/v0/rooms', host: 'loop.example.com', port: 443 };
  const headers = { 'x-forwarded-host': 'Loop.Example.com', 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' };
  const ask = (where, more) => raw(server, 'GET', '/v0/rooms', { headers: { ...headers, ...more, authorization: hawk(session, where).header } });
  assert.equal((await ask(place)).status, 200);
  assert.equal((await ask({ ...place, port: 80 })).status, 401);
  assert.equal((await ask({ ...place, port: 8443 }, { 'x-forwarded-host': 'loop.example.com:8443' })).status, 200);
  assert.equal((await ask({ ...place, port: 80 }, { 'x-forwarded-proto': 'http' })).status, 200);
});

named('a proxy that hides its name is named by the configuration', async (anyone, _, server) => {
  const { session } = await anyone.register();
  const { header } = hawk(session, { method: 'GET', path: '/v0/rooms', host: 'loop.example.com', port: 443 });
  assert.equal((await raw(server, 'GET', '/v0/rooms', { headers: { authorization: header } })).status, 200);
});

it('nobody believes a proxy that is not listed', async (anyone, _, server) => {
  const { session } = await anyone.register();
  const { header } = hawk(session, { method: 'GET', path: '/v0/rooms', host: 'loop.example.com', port: 443 });
  const headers = { authorization: header, 'x-forwarded-host': 'loop.example.com', 'x-forwarded-proto': 'https' };
  assert.equal((await raw(server, 'GET', '/v0/rooms', { headers })).status, 401);
});

it('a session without account has none to end, and rooms survive the end of all', async (anyone) => {
  const owner = await anyone.register();
  const room = await owner.room();
  refused(await owner.ask('DELETE', '/session'), 403, errno.auth, 'You should be a registered user to perform this action.');
  const reply = await owner.ask('DELETE', '/account');
  assert.deepEqual([reply.status, reply.text], [204, '']);
  assert.equal((await owner.get('/rooms')).status, 401);
  assert.equal((await anyone.get(`/rooms/${room}`)).status, 200);
  for (const path of ['/session', '/account', '/registration']) {
    assert.equal((await anyone.ask('DELETE', path)).status, 401);
  }
});

it('without a service for it there is no login', async (anyone) => {
  refused(await anyone.post('/fxa-oauth/params', {}), 404, errno.undefined, 'Resource not found.');
  refused(await anyone.get('/fxa-oauth/token'), 404, errno.undefined, 'Resource not found.');
});

/** Makes the outside services know one code. */
function services(web, { email = 'Ada@Example.com', token = {}, profile } = {}) {
  web.answer = ({ path, headers, body }) => {
    if (path === '/oauth/v1/token') {
      const { code, client_id: id } = JSON.parse(body);
      if (code !== 'good' || id !== '0123456789abcdef') return { status: 400, body: '{}' };
      return { status: 200, body: JSON.stringify({ access_token: 'opens', token_type: 'bearer', scope: 'profile', ...token }) };
    }
    if (path === '/profile/v1/profile' && headers.authorization === 'Bearer opens') {
      return profile ?? { status: 200, body: JSON.stringify({ email }) };
    }
    return { status: 404 };
  };
}

login('a login links a session to an account', async (anyone, { web, push }, server) => {
  services(web);
  const params = await anyone.post('/fxa-oauth/params', {});
  assert.equal(params.status, 200);
  const { state, ...rest } = params.body;
  assert.match(state, /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    client_id: '0123456789abcdef', redirect_uri: 'urn:ietf:wg:oauth:2.0:fx:webchannel', profile_uri: `${web.origin}/profile/v1`,
    content_uri: 'https://accounts.example', oauth_uri: `${web.origin}/oauth/v1`, scope: 'profile',
  });
  const one = anyone.with({ hawk: params.headers['hawk-session-token'] });
  const again = await one.post('/fxa-oauth/params', {});
  assert.equal(again.body.state, state, 'until it is used');
  assert.deepEqual((await one.get('/fxa-oauth/token')).body, {});
  refused(await one.post('/fxa-oauth/token', {}), 400, errno.missing, 'Missing: state, code');
  refused(await one.post('/fxa-oauth/token', { state }), 400, errno.missing, 'Missing: code');
  refused(await one.post('/fxa-oauth/token', { state: 'x', code: 'good' }), 400, errno.state, 'Invalid OAuth state');
  refused(await one.post('/fxa-oauth/token', { state, code: 'good' }), 400, errno.state, 'Invalid OAuth state');
  const fresh = (await one.post('/fxa-oauth/params', {})).body.state;
  const done = await one.post('/fxa-oauth/token', { state: fresh, code: 'good' });
  assert.deepEqual(done.body, { token_type: 'bearer', access_token: 'opens', scope: 'profile' });
  assert.deepEqual((await one.get('/fxa-oauth/token')).body, { access_token: 'opens' });

  // A second device, with the e-mail in other letters, is the same user.
  services(web, { email: 'ada@EXAMPLE.com' });
  const second = await anyone.post('/fxa-oauth/params', {});
  const two = anyone.with({ hawk: second.headers['hawk-session-token'] });
  await two.post('/fxa-oauth/token', { state: second.body.state, code: 'good' });
  const url = `/account-${Math.random()}`;
  await one.post('/registration', { simplePushURLs: { rooms: `${push.origin}${url}/1` } });
  await two.post('/registration', { simplePushURLs: { rooms: `${push.origin}${url}/2` } });
  const room = await one.room({ maxSize: 2 });
  await until(() => push.at(`${url}/1`).length === 1 && push.at(`${url}/2`).length === 1, 'both devices');
  assert.deepEqual((await two.get('/rooms')).body.map((it) => it.roomToken), [room]);
  await one.join(room);
  await two.join(room);
  const { participants } = (await one.get(`/rooms/${room}`)).body;
  assert.deepEqual(participants.map((it) => [it.owner, it.account]).sort(), [[true, 'Ada@Example.com'], [true, 'ada@EXAMPLE.com']]);
  // A copy of the store does not say who is inside.
  const files = readdirSync(server.dir, { withFileTypes: true }).filter((it) => it.isFile());
  assert.ok(files.length > 0);
  for (const { name } of files) {
    assert.doesNotMatch(readFileSync(`${server.dir}/${name}`, 'latin1'), /ada@example/i, name);
  }
  const left = await two.ask('DELETE', '/session');
  assert.equal(left.status, 204);
  assert.equal((await two.get('/rooms')).status, 401);
  assert.equal((await one.get('/rooms')).status, 200);
});

login('a session that was not made for it is unknown at the login', async (anyone) => {
  const plain = await anyone.register();
  for (const [method, path, body] of [['POST', '/fxa-oauth/params', {}], ['GET', '/fxa-oauth/token'], ['POST', '/fxa-oauth/token', { state: 'x', code: 'y' }]]) {
    const reply = await plain.ask(method, path, body);
    assert.equal(reply.status, 401);
    assert.equal(reply.headers['www-authenticate'], 'Hawk error="Unknown credentials"');
  }
  assert.equal((await anyone.get('/fxa-oauth/token')).status, 401);
  const other = await anyone.post('/fxa-oauth/params', {}, { headers: { authorization: 'Bearer x' } });
  assert.equal(other.status, 200, 'as good as none');
});

login('what the services of a login fail at is 503', async (anyone, { web }) => {
  for (const [answers, code, number] of [
    [{}, 'bad', errno.backend],
    [{ token: { access_token: 3 } }, 'good', errno.backend],
    [{ email: '' }, 'good', errno.backend],
    [{ profile: { status: 500 } }, 'good', errno.backend],
    [{ profile: { status: 200, body: '<html>' } }, 'good', errno.json],
  ]) {
    services(web, answers);
    const params = await anyone.post('/fxa-oauth/params', {});
    const session = anyone.with({ hawk: params.headers['hawk-session-token'] });
    const reply = await session.post('/fxa-oauth/token', { state: params.body.state, code });
    refused(reply, 503, number);
    assert.equal(reply.headers['retry-after'], '30');
    assert.deepEqual((await session.get('/fxa-oauth/token')).body, {});
  }
});

asserted('an assertion makes a session of the account it is about', async (anyone, { web, push }) => {
  const assertion = (aud) => `a.b.c.${Buffer.from(JSON.stringify({ aud })).toString('base64url')}.e`;
  const register = (text) => anyone.post('/registration', { simplePushURLs: { rooms: `${push.origin}/asserted` } }, { headers: { authorization: `BrowserID ${text}` } });
  const good = { status: 'okay', issuer: 'issuer.example', idpClaims: { 'fxa-verifiedEmail': 'bob@example.com' } };
  web.answer = () => ({ status: 200, body: JSON.stringify(good) });
  const reply = await register(assertion('https://loop.example'));
  assert.equal(reply.status, 200);
  assert.match(reply.headers['hawk-session-token'], /^[0-9a-f]{64}$/);
  const sent = JSON.parse(web.seen.at(-1).body);
  assert.deepEqual(sent, { audience: 'https://loop.example', assertion: assertion('https://loop.example') });
  const session = anyone.with({ hawk: reply.headers['hawk-session-token'] });
  assert.equal((await session.ask('DELETE', '/session')).status, 204, 'it has an account');
  for (const [text, error] of [['x', 'Malformed audience'], [assertion('https://evil.example'), 'Invalid audience']]) {
    const bad = await register(text);
    refused(bad, 401, errno.auth, error);
    assert.equal(bad.headers['www-authenticate'], `BrowserID error="${error}"`);
  }
  for (const odd of [{ ...good, status: 'failure' }, { ...good, issuer: 'evil' }, { ...good, idpClaims: {} }]) {
    web.answer = () => ({ status: 200, body: JSON.stringify(odd) });
    refused(await register(assertion('https://loop.example')), 401, errno.auth);
  }
});
