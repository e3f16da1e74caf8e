/** The older one-to-one calls and their progress (docs/protocols/rooms.md §7). */

import assert from 'node:assert/strict';
import { Progress, errno, refused, suite, until } from './client.mjs';

const options = ({ web }) => ({
  PARLOUR_ROOMS_OAUTH_URI: `${web.origin}/oauth`, PARLOUR_ROOMS_PROFILE_URI: `${web.origin}/profile`,
});
const it = suite(options, { prefixes: ['/v0', ''] });
const hasty = suite((services) => ({
  ...options(services), PARLOUR_ROOMS_CALL_SUPERVISORY: '300ms', PARLOUR_ROOMS_CALL_RINGING: '300ms', PARLOUR_ROOMS_CALL_CONNECTION: '300ms',
}));

/** A session of an account. */
async function account(anyone, { web, push }, email, topic) {
  web.answer = ({ path, body, headers }) => (path.endsWith('/token')
    ? { status: 200, body: JSON.stringify({ access_token: JSON.parse(body).code, token_type: 'bearer', scope: 'profile' }) }
    : { status: 200, body: JSON.stringify({ email: headers.authorization.slice('Bearer '.length) }) });
  const params = await anyone.post('/fxa-oauth/params', {});
  const session = anyone.with({ hawk: params.headers['hawk-session-token'] });
  const done = await session.post('/fxa-oauth/token', { state: params.body.state, code: email });
  assert.equal(done.status, 200, done.text);
  if (topic) await session.post('/registration', { simplePushURLs: { calls: push.origin + topic } });
  return session;
}

/** Two who can call each other, and a call between them. */
async function call(anyone, services, fields = {}) {
  const mark = Math.random();
  const caller = await account(anyone, services, `caller-${mark}@example.com`);
  const callee = await account(anyone, services, `Callee-${mark}@example.com`, `/calls-${mark}`);
  const placed = await caller.post('/calls', { calleeId: `callee-${mark}@EXAMPLE.com`, callType: 'audio-video', ...fields });
  assert.equal(placed.status, 200, placed.text);
  const pending = (await callee.get('/calls?version=0')).body.calls;
  assert.equal(pending.length, 1);
  const ours = { messageType: 'hello', callId: placed.body.callId, auth: placed.body.websocketToken };
  const theirs = { messageType: 'hello', callId: placed.body.callId, auth: pending[0].websocketToken };
  return { mark, caller, callee, placed: placed.body, pending: pending[0], ours, theirs };
}

const action = (event, reason) => ({ messageType: 'action', event, ...(reason ? { reason } : {}) });
const states = (socket) => socket.heard.filter((m) => m.messageType === 'progress').map((m) => m.state);

it('a call is answered with six members, told and fetched', async (anyone, services) => {
  const { mark, caller, callee, placed, pending } = await call(anyone, services, { subject: 'lunch' });
  assert.deepEqual(Object.keys(placed).sort(), ['apiKey', 'callId', 'progressURL', 'sessionId', 'sessionToken', 'websocketToken']);
  assert.match(placed.callId, /^[0-9a-f]{32}$/);
  assert.match(placed.websocketToken, /^[0-9a-f]{32}$/);
  assert.match(placed.progressURL, /^ws:\/\/127\.0\.0\.1:\d+\/websocket$/);
  assert.deepEqual(Object.keys(pending).sort(), ['apiKey', 'callId', 'callType', 'callerId', 'progressURL', 'sessionId', 'sessionToken', 'subject', 'websocketToken']);
  assert.deepEqual([pending.callType, pending.callerId, pending.subject], ['audio-video', `caller-${mark}@example.com`, 'lunch']);
  assert.equal(pending.callId, placed.callId);
  assert.notEqual(pending.sessionToken, placed.sessionToken);
  assert.notEqual(pending.websocketToken, placed.websocketToken);
  const [told] = await until(() => services.push.at(`/calls-${mark}`).length && services.push.at(`/calls-${mark}`), 'a notification');
  assert.match(told.body, /^version=\d{10}$/);
  const { etag } = (await callee.get('/calls?version=0')).headers;
  assert.equal((await callee.get('/calls?version=0', { headers: { 'if-none-match': etag } })).status, 304);
  const empty = (await caller.get('/calls?version=0')).headers.etag;
  assert.notEqual(empty, etag);
  assert.equal((await callee.get('/calls?version=0', { headers: { 'if-none-match': empty } })).body.calls.length, 1);
  const later = (await callee.get(`/calls?version=${Math.floor(Date.now() / 1000) + 100}`)).body.calls;
  assert.deepEqual(later, []);
  assert.deepEqual((await caller.get('/calls?version=0')).body.calls, []);
});

it('a call is refused for who calls, whom, and how', async (anyone, services) => {
  const guest = await anyone.register();
  refused(await guest.post('/calls', { calleeId: 'a', callType: 'audio' }), 403, errno.auth);
  assert.equal((await anyone.post('/calls', {})).status, 401);
  const caller = await account(anyone, services, `only-${Math.random()}@example.com`);
  refused(await caller.post('/calls', { callType: 'audio' }), 400, errno.missing, 'Missing: calleeId');
  refused(await caller.post('/calls', { calleeId: 'a', callType: 'video' }), 400, errno.invalid, "callType should be 'audio' or 'audio-video'");
  refused(await caller.post('/calls', { calleeId: 'a', callType: 'audio', subject: 's'.repeat(125) }), 400, errno.invalid);
  const nobody = 'Could not find any existing user to call';
  refused(await caller.post('/calls', { calleeId: 'nobody@example.com', callType: 'audio' }), 400, errno.unavailable, nobody);
  const silent = `silent-${Math.random()}@example.com`;
  await account(anyone, services, silent);
  refused(await caller.post('/calls', { calleeId: silent, callType: 'audio' }), 400, errno.unavailable, nobody);
  refused(await caller.get('/calls'), 400, errno.missing, 'Missing: version');
  assert.equal((await anyone.get('/calls?version=0')).status, 401);
});

it('several names may be several people, who fetch the same call', async (anyone, services) => {
  const mark = Math.random();
  const caller = await account(anyone, services, `c-${mark}@example.com`);
  const [one, two] = [await account(anyone, services, `1-${mark}@example.com`, '/c1'), await account(anyone, services, `+34666${String(mark).slice(2, 8)}`, '/c2')];
  const number = { phoneNumber: `+34 666-${String(mark).slice(2, 8)}`, mcc: '214' };
  const placed = await caller.post('/calls', { calleeId: [`1-${mark}@example.com`, number, 'nobody'], callType: 'audio' });
  assert.equal(placed.status, 200, placed.text);
  const fetched = await Promise.all([one, two].map(async (who) => (await who.get('/calls?version=0')).body.calls));
  assert.deepEqual(fetched[0], fetched[1]);
  assert.equal(fetched[0][0].callId, placed.body.callId);
});

it('a call goes from hello to connected and closes', async (anyone, services, server) => {
  const { ours, theirs, callee } = await call(anyone, services);
  const [a, b, c] = [new Progress(server), new Progress(server), new Progress(server)];
  await a.say(ours);
  assert.deepEqual(await a.nth(1), { messageType: 'hello', state: 'init' });
  await b.say(theirs);
  assert.equal((await b.nth(1)).messageType, 'hello');
  assert.deepEqual(await a.nth(2), { messageType: 'progress', state: 'alerting' });
  assert.deepEqual(await b.nth(2), { messageType: 'progress', state: 'alerting' });
  await c.say(theirs);
  assert.deepEqual(await c.nth(1), { messageType: 'hello', state: 'alerting' });
  await b.say(action('accept'));
  assert.deepEqual(await c.nth(2), { messageType: 'progress', state: 'terminated', reason: 'answered-elsewhere' });
  await c.closed;
  await a.nth(3);
  const late = new Progress(server);
  await late.say(theirs);
  assert.deepEqual(await late.nth(1), { messageType: 'hello', state: 'terminated', reason: 'answered-elsewhere' });
  await late.closed;
  await a.say(action('media-up'));
  await b.nth(4);
  await b.say(action('media-up'));
  await Promise.all([a.closed, b.closed]);
  for (const socket of [a, b]) assert.deepEqual(states(socket), ['alerting', 'connecting', 'half-connected', 'connected']);
  assert.deepEqual((await callee.get('/calls?version=0')).body.calls, []);
});

it('a call is ended by either side with its reason', async (anyone, services, server) => {
  for (const [who, reason] of [['ours', 'cancel'], ['theirs', 'reject']]) {
    const made = await call(anyone, services);
    const [a, b] = [new Progress(server), new Progress(server)];
    await a.say(made.ours);
    await a.nth(1);
    await b.say(made.theirs);
    await Promise.all([a.nth(2), b.nth(2)]);
    await (who === 'ours' ? a : b).say(action('terminate', reason));
    await Promise.all([a.closed, b.closed]);
    for (const socket of [a, b]) assert.deepEqual(socket.heard.at(-1), { messageType: 'progress', state: 'terminated', reason });
    const late = new Progress(server);
    await late.say(made.ours);
    assert.deepEqual(await late.nth(1), { messageType: 'hello', state: 'terminated', reason });
    await late.closed;
    assert.deepEqual((await made.callee.get('/calls?version=0')).body.calls, []);
  }
});

it('the last socket of a side that closes ends the call', async (anyone, services, server) => {
  const made = await call(anyone, services);
  const [a, b] = [new Progress(server), new Progress(server)];
  await a.say(made.ours);
  await a.nth(1);
  await b.say(made.theirs);
  await a.nth(2);
  b.socket.close();
  assert.deepEqual(await a.nth(3), { messageType: 'progress', state: 'terminated', reason: 'closed' });
  await a.closed;
});

hasty('who keeps the other waiting ends the call', async (anyone, services, server) => {
  const timeout = { messageType: 'progress', state: 'terminated', reason: 'timeout' };
  const steps = [[], ['theirs'], ['theirs', 'accept']];
  for (const reached of steps) {
    const made = await call(anyone, services);
    const [a, b] = [new Progress(server), new Progress(server)];
    await a.say(made.ours);
    if (reached.includes('theirs')) await b.say(made.theirs);
    if (reached.includes('accept')) {
      await b.nth(2);
      await b.say(action('accept'));
    }
    await a.closed;
    assert.deepEqual(a.heard.at(-1), timeout);
    b.socket.terminate();
  }
});

it('what is wrong is told before the socket closes', async (anyone, services, server) => {
  const { ours, placed } = await call(anyone, services);
  for (const [message, reason] of [
    ['{', 'Malformed message.'],
    ['1', 'Malformed message.'],
    [{ messageType: 'unheard' }, 'Unknown messageType'],
    [{}, 'Unknown messageType'],
    [{ messageType: 'hello' }, 'Missing parameters: callId, auth'],
    [{ messageType: 'hello', callId: 'x', auth: 'y' }, 'bad callId'],
    [{ messageType: 'hello', callId: placed.callId, auth: 'y' }, 'bad authentication'],
    [action('accept'), 'bad authentication'],
    [action('terminate', '<b>'), 'Invalid reason: should be alphanumeric'],
  ]) {
    const socket = new Progress(server);
    await socket.say(message);
    assert.deepEqual(await socket.nth(1), { messageType: 'error', reason });
    await socket.closed;
  }
  const socket = new Progress(server);
  await socket.say({ messageType: 'echo', echo: { a: [1] } });
  assert.deepEqual(await socket.nth(1), { messageType: 'echo', echo: { a: [1] } });
  await socket.say(ours);
  await socket.nth(2);
  await socket.say(action('accept'));
  assert.deepEqual(await socket.nth(3), { messageType: 'error', reason: 'No transition from init state with accept event.' });
  await socket.closed;
});

it('call URLs are not made any more, and unknown', async (anyone) => {
  const session = await anyone.register();
  refused(await session.post('/call-url', {}), 405, errno.unsupported, 'No longer supported');
  assert.deepEqual((await session.get('/call-url')).body, []);
  refused(await session.ask('PUT', '/call-url/x', {}), 404, errno.token);
  refused(await session.ask('DELETE', '/call-url/x'), 404, errno.token, 'Token not found.');
  refused(await anyone.get('/calls/x'), 404, errno.token);
  refused(await anyone.post('/calls/x', { callType: 'audio' }), 404, errno.token);
  for (const [method, path] of [['POST', '/call-url'], ['GET', '/call-url'], ['PUT', '/call-url/x'], ['DELETE', '/call-url/x']]) {
    assert.equal((await anyone.ask(method, path, {})).status, 401);
  }
});
