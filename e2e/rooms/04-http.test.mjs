/** Paths, headers, health, other origins, and what is wrong (docs/protocols/rooms.md §§1, 2 and 8). */

import assert from 'node:assert/strict';
import net from 'node:net';
import { errno, hawk, raw, refused, suite, until } from './client.mjs';

const it = suite(() => ({}), { prefixes: ['/v0', ''] });
const told = suite(({ push }) => ({ PARLOUR_ROOMS_PUSH_SERVERS: JSON.stringify([push.origin.replace('http:', 'ws:')]), PARLOUR_ROOMS_SHOW_VERSION: 'false' }));
const counted = suite(() => ({ PARLOUR_ROOMS_ANALYTICS: 'true' }));

const logged = suite(() => ({ PARLOUR_ROOMS_REQUEST_LOG: 'true', PARLOUR_LOG_FORMAT: 'json' }));

const PATHS = ['/', '/registration', '/rooms', '/rooms/AAAAAAAAAAE', '/calls', '/call-url', '/account', '/session'];

it('an allowed origin is told so, every other one nothing', async (anyone) => {
  const requested = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, x-a' };
  for (const path of PATHS) {
    const allowed = await anyone.ask('OPTIONS', path, undefined, { headers: { origin: 'http://localhost:3000', ...requested } });
    assert.equal(allowed.status, 204, path);
    assert.equal(allowed.headers['access-control-allow-origin'], 'http://localhost:3000');
    assert.equal(allowed.headers['access-control-allow-methods'], 'GET,HEAD,PUT,PATCH,POST,DELETE');
    assert.equal(allowed.headers['access-control-allow-headers'], 'authorization, x-a');
    assert.match(allowed.headers.vary, /Origin/);
    const other = await anyone.ask('OPTIONS', path, undefined, { headers: { origin: 'http://evil.example', ...requested } });
    assert.ok(!Object.keys(other.headers).some((name) => name.startsWith('access-control')), path);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const asked = await anyone.ask(method, path, undefined, { headers: { origin: 'http://localhost:3000', accept: 'application/json' } });
      if (path !== '/' || method === 'GET') assert.equal(asked.headers['access-control-allow-origin'], 'http://localhost:3000', `${method} ${path} ${asked.status}`);
      const refusedOrigin = await anyone.ask(method, path, undefined, { headers: { origin: 'http://evil.example' } });
      assert.ok(!('access-control-allow-origin' in refusedOrigin.headers));
      assert.ok(!('access-control-allow-credentials' in asked.headers));
    }
  }
});

it('the methods of a path are listed to whom they are of use', async (anyone) => {
  const reply = await anyone.ask('OPTIONS', '/rooms');
  assert.deepEqual([reply.status, reply.headers.allow.split(',').sort()], [200, ['GET', 'HEAD', 'PATCH', 'POST']]);
});

it('the server says that it is well', async (anyone) => {
  const beat = await anyone.get('/__lbheartbeat__');
  assert.deepEqual([beat.status, beat.body], [200, {}]);
  const heart = await anyone.get('/__heartbeat__');
  assert.equal(heart.status, 200);
  assert.deepEqual(heart.body, { storage: true, provider: true, push: true, fxaVerifier: true });
  assert.deepEqual((await anyone.get('/push-server-config')).body, {});
});

it('the server says what it is', async (anyone, _, server) => {
  const root = await anyone.get('/', { headers: { 'accept-language': 'de, en;q=0.5' } });
  assert.equal(root.status, 200);
  for (const name of ['name', 'description', 'homepage', 'version']) assert.equal(typeof root.body[name], 'string');
  assert.equal(root.body.endpoint, `http://127.0.0.1:${server.port}`);
  assert.deepEqual([root.body.fakeTokBox, root.body.fxaOAuth], [false, false]);
  assert.deepEqual(root.body.i18n, { defaultLang: 'en-US', lang: 'de' });
  assert.ok(root.headers.timestamp);
  assert.deepEqual((await anyone.get('/')).body.i18n, { defaultLang: 'en-US' });
  const specs = (await anyone.get('/api-specs')).body.service;
  assert.equal(specs.location, `http://127.0.0.1:${server.port}/v0`);
  assert.ok(specs.version && specs.resources['/rooms'] && specs.resources['regexp:/rooms/[a-zA-Z0-9_-]+']);
});

it('a browser is shown a page where a client is shown the API', async (anyone, _, server) => {
  const page = await raw(server, 'GET', '/', { headers: { accept: 'text/html,*/*;q=0.8' } });
  assert.match(page.headers['content-type'], /^text\/html/);
  const client = await raw(server, 'GET', '/', { headers: { accept: '*/*' } });
  assert.match(client.headers['content-type'], /^application\/json/);
});

told('the push server is told and asked how it is', async (anyone, { push }) => {
  push.answer = () => ({ status: 200 });
  assert.deepEqual((await anyone.get('/push-server-config')).body, { pushServerURI: push.origin.replace('http:', 'ws:') });
  assert.equal((await anyone.get('/__heartbeat__')).status, 200);
  assert.equal(push.at('/status').length, 1);
  push.answer = () => ({ status: 500 });
  const ill = await anyone.get('/__heartbeat__');
  assert.equal(ill.status, 503);
  assert.equal(ill.headers['retry-after'], '30');
  assert.deepEqual(ill.body, { storage: true, provider: true, push: false, fxaVerifier: true });
  assert.ok(!('version' in (await anyone.get('/')).body));
});

it('paths know no case and one slash, tokens know case', async (anyone, _, server) => {
  const owner = await anyone.register();
  const room = await owner.room();
  for (const path of [`/ROOMS/${room}`, `/rooms/${room}/`, `/V0/Rooms/${room}/`, `/v0/rooms/${room}`]) {
    assert.equal((await raw(server, 'GET', path)).status, 200, path);
  }
  const head = await raw(server, 'HEAD', `/rooms/${room}`);
  assert.deepEqual([head.status, head.text], [200, '']);
  const swapped = [...room].map((c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join('');
  refused(await anyone.get(`/rooms/${swapped}`), 404, errno.token);
  refused(await anyone.ask('PUT', '/rooms'), 404, errno.undefined, 'Resource not found.');
  refused(await anyone.get('/registration'), 404, errno.undefined, 'Resource not found.');
});

it('an unknown path is sent below the prefix, and is unknown there', async (anyone, _, server) => {
  for (const method of ['GET', 'POST', 'DELETE']) {
    const away = await raw(server, method, '/config?x=1', {});
    assert.deepEqual([away.status, away.headers.location], [307, '/v0/config']);
    const gone = await raw(server, method, '/v0/config');
    assert.equal(gone.status, 404);
    assert.deepEqual(JSON.parse(gone.text), { code: 404, errno: 999, error: 'Resource not found.' });
  }
  const page = await raw(server, 'GET', '/config', { headers: { accept: 'text/html' } });
  assert.deepEqual([page.status, page.headers['content-type']], [404, 'text/html; charset=utf-8']);
});

it('usage events are looked at before credentials', async (anyone) => {
  refused(await anyone.post('/event', {}), 400, errno.missing, 'Missing: event, action, label');
  refused(await anyone.post('/event', { event: 1, label: 2 }), 400, errno.missing, 'Missing: action');
  const all = { event: 'e', action: 'a', label: 'l' };
  assert.equal((await anyone.post('/event', all)).status, 401);
  const page = await anyone.ask('POST', '/event', all, { headers: { accept: 'text/html' } });
  refused(page, 406, errno.json, 'Request body should be defined as application/json');
  const session = await anyone.register();
  refused(await session.post('/event', all), 405, errno.undefined, 'Google Analytics events are not configured for this server.');
});

counted('usage events are taken where they are wanted', async (anyone) => {
  const session = await anyone.register();
  assert.equal((await session.post('/event', { event: 'e', action: 'a', label: 'l' })).status, 204);
});

it('the time is told with two statuses, the other headers never', async (anyone) => {
  const session = await anyone.register();
  const answers = [
    await session.get('/rooms'), await anyone.get('/rooms'), await session.post('/rooms', {}),
    await anyone.get('/rooms/AAAAAAAAAAE'), await anyone.ask('DELETE', '/registration'),
  ];
  for (const { status, headers } of answers) {
    assert.equal('timestamp' in headers, status === 200 || status === 401, String(status));
    assert.ok(headers.date);
    assert.ok(!('x-powered-by' in headers));
  }
});

it('bodies that are none are refused as such', async (anyone, _, server) => {
  const session = await anyone.register();
  const room = await session.room();
  const json = { 'content-type': 'application/json; charset=utf-8' };
  const post = (body, headers = json) => raw(server, 'POST', `/v0/rooms/${room}`, { headers, body });
  for (const body of ['{', '1', 'null', '"x"', '{"a":1}}', '\u0000', '[', '{"action":"join",}']) {
    const reply = await post(body);
    assert.deepEqual([reply.status, JSON.parse(reply.text).errno], [400, 106], body);
  }
  assert.equal(JSON.parse((await post('[]')).text).errno, 108);
  assert.equal(JSON.parse((await post('')).text).errno, 108);
  assert.equal(JSON.parse((await post('{"action":"join"}', { 'content-type': 'text/plain' })).text).errno, 108, 'not read');
  assert.equal(JSON.parse((await post('{"action":"join"}', {})).text).errno, 108, 'not read');
  const form = await post('action=join&displayName=A+B&clientMaxSize=2', { 'content-type': 'application/x-www-form-urlencoded' });
  assert.equal(form.status, 200);
  const large = await post(JSON.stringify({ action: 'x'.repeat(110_000) }));
  assert.deepEqual([large.status, JSON.parse(large.text).errno], [413, 113]);
  const fits = await post(JSON.stringify({ action: 'x'.repeat(100_000) }));
  assert.equal(JSON.parse(fits.text).errno, 107);
  const deep = await post(`${'['.repeat(1000)}${']'.repeat(1000)}`);
  assert.equal(deep.status, 400);
});

const ORIGIN = { origin: 'http://localhost:3000' };

it('an allowed origin may read every refusal', async (anyone, _, server) => {
  const json = { ...ORIGIN, 'content-type': 'application/json' };
  const answers = [
    [307, await raw(server, 'GET', '/config', { headers: ORIGIN })],
    [404, await raw(server, 'GET', '/v0/config', { headers: ORIGIN })],
    [400, await raw(server, 'POST', '/v0/registration', { headers: json, body: '{' })],
    [413, await raw(server, 'POST', '/v0/registration', { headers: json, body: 'x'.repeat(110_000) })],
    [401, await raw(server, 'GET', '/v0/rooms', { headers: ORIGIN })],
    [204, await raw(server, 'OPTIONS', '/config', { headers: ORIGIN })],
    [204, await raw(server, 'OPTIONS', '/v0/config', { headers: ORIGIN })],
  ];
  for (const [status, reply] of answers) {
    assert.equal(reply.status, status, reply.text);
    assert.equal(reply.headers['access-control-allow-origin'], ORIGIN.origin, String(status));
    assert.match(reply.headers.vary, /Origin/, String(status));
  }
});

it('a form does what JSON does', async (anyone) => {
  const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const ask = (who, method, path, body) => who.ask(method, path, undefined, { ...form, text: body });
  const made = await ask(anyone, 'POST', '/registration', 'simplePushURL=http%3A%2F%2Flocalhost%2Fform');
  assert.equal(made.status, 200, made.text);
  const session = anyone.with({ hawk: made.headers['hawk-session-token'] });
  const room = await ask(session, 'POST', '/rooms', 'roomName=A+room&roomOwner=Ada&maxSize=3&expiresIn=2');
  assert.equal(room.status, 201, room.text);
  const seen = (await session.get(`/rooms/${room.body.roomToken}`)).body;
  assert.deepEqual([seen.roomName, seen.roomOwner, seen.maxSize], ['A room', 'Ada', 3]);
  refused(await ask(session, 'POST', '/rooms', 'roomName=x'), 400, errno.missing, 'Missing: roomOwner, maxSize');
  refused(await ask(anyone, 'POST', '/registration', 'simplePushURL=ftp%3A%2F%2Fx'), 400, errno.invalid);
});

const hasty = suite(() => ({ PARLOUR_ROOMS_BODY_TIMEOUT: '200ms' }));

hasty('a body that does not come is refused like one that cannot be read', async (anyone, _, server) => {
  const head = 'POST /v0/registration HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost:3000\r\nContent-Type: application/json\r\n';
  const heard = await bytes(server, `${head}Content-Length: 50\r\n\r\n{}`, { end: false });
  assert.match(heard, /^HTTP\/1\.1 400 /);
  assert.match(heard, /access-control-allow-origin: http:\/\/localhost:3000/i);
  assert.match(heard, /"code":400,"errno":106,/);
});

const once = suite(() => ({ PARLOUR_ROOMS_HAWK_NONCES: '100' }));

once('a request is taken once where nonces are remembered', async (anyone, _, server) => {
  const session = await anyone.register();
  const path = '/v0/rooms';
  const { header } = hawk(session.session, { method: 'GET', path, host: '127.0.0.1', port: server.port });
  const ask = () => raw(server, 'GET', path, { headers: { authorization: header } });
  assert.equal((await ask()).status, 200);
  const again = await ask();
  assert.deepEqual([again.status, again.headers['www-authenticate']], [401, 'Hawk error="Invalid nonce"']);
  assert.equal((await session.get('/rooms')).status, 200);
});

const proxied = suite(() => ({ PARLOUR_HTTP_PROXIES: '["127.0.0.1"]' }));
const named = suite(() => ({ PARLOUR_HTTP_PROXIES: '["127.0.0.1"]', PARLOUR_HTTP_PUBLIC_URL: 'https://meet.example.org:8443' }));

/** What the server calls itself to a client of a proxy that says this. */
async function outside(anyone, server, host, port, headers) {
  const session = await anyone.with({}).ask('POST', '/registration', {}, { headers });
  const token = session.headers['hawk-session-token'];
  const body = JSON.stringify({ roomName: 'n', roomOwner: 'o', maxSize: 2 });
  const signed = hawk(token, { method: 'POST', path: '/v0/rooms', host, port });
  const made = await raw(server, 'POST', '/v0/rooms', { headers: { ...headers, authorization: signed.header, 'content-type': 'application/json' }, body });
  assert.equal(made.status, 201, made.text);
  const { endpoint } = (await anyone.get('/', { headers })).body;
  return [JSON.parse(made.text).roomUrl.replace(/\/r\/.*/, ''), endpoint];
}

proxied('a listed proxy says under which name the server was asked', async (anyone, _, server) => {
  const forwarded = (host, proto, port) => ({ 'x-forwarded-host': host, 'x-forwarded-proto': proto, 'x-forwarded-port': port });
  assert.deepEqual(await outside(anyone, server, 'outer.example', 8443, forwarded('outer.example', 'https', '8443')), Array(2).fill('https://outer.example:8443'));
  assert.deepEqual(await outside(anyone, server, 'outer.example', 443, forwarded('outer.example', 'https', '443')), Array(2).fill('https://outer.example'));
  assert.deepEqual(await outside(anyone, server, 'outer.example', 9000, forwarded('outer.example:9000', 'https', '8443')), Array(2).fill('https://outer.example:9000'));
});

named('the public address of the settings counts for all that comes by a listed proxy', async (anyone, _, server) => {
  for (const headers of [{}, { 'x-forwarded-host': 'other.example', 'x-forwarded-proto': 'http', 'x-forwarded-port': '80' }]) {
    assert.deepEqual(await outside(anyone, server, 'meet.example.org', 8443, headers), Array(2).fill('https://meet.example.org:8443'));
  }
});

/** Bytes on a socket; everything that comes back until it is closed or quiet. */
function bytes(server, text, { end = true } = {}) {
  return new Promise((resolve) => {
    let heard = '';
    const socket = net.connect(server.port, '127.0.0.1', () => {
      socket.write(text);
      if (end) socket.end();
    });
    socket.on('data', (part) => {
      heard += part;
    });
    socket.on('error', () => resolve(heard));
    socket.on('close', () => resolve(heard));
    socket.setTimeout(1_500, () => socket.destroy());
  });
}

it('a body that lies about its length harms nobody', async (anyone, _, server) => {
  const head = 'POST /v0/registration HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  assert.doesNotMatch(await bytes(server, `${head}Content-Length: 50\r\n\r\n{}`), / 500 /);
  assert.doesNotMatch(await bytes(server, `${head}Content-Length: 1\r\n\r\n{"a":1}`), / 500 /);
  assert.match(await bytes(server, `${head}Content-Length: 99999999999\r\n\r\n{}`), / 413 /);
  assert.doesNotMatch(await bytes(server, `${head}Content-Length: x\r\n\r\n{}`), / 200 | 500 /);
  assert.doesNotMatch(await bytes(server, `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`), / 200 | 500 /);
  const chunks = `${head}Transfer-Encoding: chunked\r\n\r\n${`1000\r\n${'x'.repeat(4096)}\r\n`.repeat(30)}0\r\n\r\n`;
  assert.match(await bytes(server, chunks), / 413 /);
  // Whoever goes on sending after the answer hears it all the same (RFC 9112
  // §9.6).
  const endless = `${head}Transfer-Encoding: chunked\r\n\r\n${`1000\r\n${'x'.repeat(4096)}\r\n`.repeat(2000)}`;
  assert.match(await bytes(server, endless), / 413 /);
  assert.doesNotMatch(await bytes(server, `GET /v0/rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Hawk ${'a'.repeat(70_000)}\r\n\r\n`), / 200 | 500 /);
  assert.equal((await anyone.get('/__lbheartbeat__')).status, 200);
});

it('deleting races joining and nothing is lost', async (anyone) => {
  const owner = await anyone.register();
  for (let times = 0; times < 5; times += 1) {
    const room = await owner.room({ maxSize: 5 });
    const [gone, ...joins] = await Promise.all([
      owner.ask('DELETE', `/rooms/${room}`), ...Array.from({ length: 6 }, () => anyone.join(room)),
    ]);
    assert.equal(gone.status, 204);
    for (const join of joins) assert.ok([200, 400, 404].includes(join.status), join.text);
    refused(await anyone.get(`/rooms/${room}`), 404, errno.token);
  }
});

logged('each request is a line in the log, without what opens or names anything', async (anyone, { push }, server) => {
  const owner = await anyone.register({ rooms: `${push.origin}/secret-address` });
  const room = await owner.room();
  const { sessionId, sessionToken: guest } = (await anyone.join(room, 5, 'Grace')).body;
  const inside = anyone.with({ basic: guest });
  await inside.act(room, 'status', { event: 'e', state: 'waiting', connections: 1, sendStreams: 0, recvStreams: 2 });
  await owner.get('/rooms?version=12345678');
  await anyone.with({ basic: `${guest}x` }).act(room, 'refresh');
  await inside.act(room, 'logDomain', { domains: [{ domain: 'site.example', count: 3 }] });
  const lines = await until(() => {
    const all = server.output.split('\n').filter((line) => line.includes('"kind":')).map((line) => JSON.parse(line).fields);
    return all.some((line) => line.kind === 'domains.counters') && all;
  });
  const of = (wanted) => lines.find((line) => Object.entries(wanted).every(([name, value]) => line[name] === value));
  const made = of({ roomToken: room });
  assert.deepEqual([made.code, made.errno, made.method, made.path, made.userType, made.hostname], [201, 0, 'post', '/v0/rooms', 'Unregistered', `127.0.0.1:${server.port}`]);
  assert.ok(made.uid && made.v && !('token' in made) && !('action' in made));
  const joined = of({ action: 'join' });
  assert.deepEqual([joined.token, joined.participants, joined.sessionId, joined.userType], [room, 1, sessionId, 'Link-clicker']);
  assert.ok(!sessionId.includes(room));
  assert.match(joined.roomConnectionId, /^[0-9a-f-]{36}$/);
  const said = of({ action: 'status' });
  assert.deepEqual([said.event, said.state, said.connections, said.sendStreams, said.recvStreams], ['e', 'waiting', 1, 0, 2]);
  assert.equal(said.roomConnectionId, joined.roomConnectionId);
  const wrong = of({ code: 401 });
  assert.deepEqual([wrong.errno, wrong.error], [110, 'Invalid token; it may have expired.']);
  assert.equal(of({ kind: 'domains.counters' }).count, 3);
  assert.ok(!('domain' in of({ kind: 'domains.counters' })));
  for (const secret of [guest, owner.session, 'secret-address', '12345678', 'Grace', 'site.example']) {
    assert.ok(!server.output.includes(secret), secret);
  }
});

const open = suite(() => ({ PARLOUR_ROOMS_REQUEST_LOG: 'true', PARLOUR_ROOMS_REQUEST_LOG_DOMAINS: 'true', PARLOUR_LOG_FORMAT: 'json' }));

open('shared sites are named in the log where that is asked for', async (anyone, _, server) => {
  const owner = await anyone.register();
  const room = await owner.room();
  const domains = [{ domain: 'one.example', count: 3 }, { domain: 'two.example', count: 1 }];
  assert.equal((await (await anyone.guest(room)).act(room, 'logDomain', { domains })).status, 204);
  const lines = await until(() => {
    const all = server.output.split('\n').filter((line) => line.includes('domains.counters'));
    return all.length === 2 && all.map((line) => JSON.parse(line).fields);
  });
  assert.deepEqual(lines.map(({ domain, count }) => ({ domain, count })), domains);
});
