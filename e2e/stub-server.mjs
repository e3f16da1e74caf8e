/**
 * Stands in for the server so that the browser tests can be tested: serves the
 * web client and relays offers between two browsers, which then talk to each
 * other directly (docs/protocols/galene.md §12.5). No media, few rules, no limits.
 *
 * Same command line as the server, as far as the tests use it:
 * `stub-server.mjs serve --data DIR --listen http://HOST:PORT`.
 */

import { appendFile, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const WEB = fileURLToPath(new URL('../web', import.meta.url));
const TYPES = new Map([['.html', 'text/html; charset=utf-8'], ['.js', 'text/javascript'], ['.css', 'text/css'], ['.svg', 'image/svg+xml']]);
const POLICY = "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self' ws: wss:; media-src 'self' blob:; img-src 'self' data: blob:";
/** Signalling works, pictures do not: proves that the tests notice. */
const DROP_MEDIA = process.env.PARLOUR_TEST_DROP_MEDIA === '1';

const args = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const listen = new URL(option('--listen'));
const data = option('--data');
const historyFile = join(data, 'stub-history.jsonl');

/** @type {Map<string, {id: string, name: string, group: string, data: object, wants: boolean, send: (m: object) => void}>} */
const members = new Map();
/** Streams by id: who sends, to whom it was relayed, what a late comer needs. */
const streams = new Map();
const history = await readHistory();

async function readHistory() {
  try {
    return (await readFile(historyFile, 'utf8')).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

const SETS = { op: ['op', 'present', 'message', 'token'], present: ['present', 'message'] };
/** Invitations and locked rooms, as long as the process lives. */
const tokens = new Map();
const locked = new Set();

/** What a name and password may do in a room; `null` means they may not enter. */
async function permissionsOf(group, name, password, token) {
  if (token) return tokens.get(token)?.group === group ? tokens.get(token).permissions : null;
  let file;
  try {
    file = JSON.parse(await readFile(join(data, 'groups', `${group}.json`), 'utf8'));
  } catch {
    return SETS.present;
  }
  const user = file.users?.[name] ?? file['wildcard-user'];
  const fits = user && (user.password?.type === 'wildcard' || user.password === password);
  return fits ? SETS[user.permissions] : null;
}

const web = createServer(async (request, response) => {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
  const json = (value) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (path === '/public-groups.json') return json([{ name: 'lobby', displayName: 'Lobby', description: 'Open to everyone', clientCount: members.size }]);
  if (path.endsWith('/.status')) return json({ name: path.split('/')[2] });
  const file = path === '/' ? '/index.html' : path.startsWith('/group/') ? '/room.html' : normalize(path);
  try {
    const body = await readFile(join(WEB, file));
    response.writeHead(200, { 'content-type': TYPES.get(extname(file)) ?? 'application/octet-stream', 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff' });
    response.end(body);
  } catch {
    response.writeHead(404, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY });
    response.end(await readFile(join(WEB, '404.html')));
  }
});

const sockets = new WebSocketServer({ server: web, path: '/ws' });
sockets.on('connection', (socket) => {
  const send = (message) => socket.send(JSON.stringify(message));
  let id = '';
  socket.on('message', async (bytes) => {
    const message = JSON.parse(String(bytes));
    if (message.type === 'handshake') {
      id = message.id;
      send({ type: 'handshake', version: ['2'] });
    } else if (message.type === 'ping') send({ type: 'pong' });
    else if (message.type === 'join') await admit(id, message, send, () => socket.close(1000, 'kicked out'));
    else if (members.has(id)) inRoom(members.get(id), message);
  });
  socket.on('close', () => dismiss(id));
});

async function admit(id, { group, username, password = '', token, data: attributes = {} }, send, end) {
  const fail = (value, error) => send({ type: 'joined', kind: 'fail', group, username: username ?? '', value, error });
  const permissions = await permissionsOf(group, username, password, token);
  if (!permissions) return fail('not authorised');
  if (username === undefined) return fail('username required', 'need-username');
  if (locked.has(group) && !permissions.includes('op')) return fail('this group is locked');
  const member = { id, name: username, group, permissions, data: { ...attributes }, wants: false, send, end };
  send(joinedMessage('join', member));
  for (const line of history) if (line.group === group) send({ ...line.message, type: 'chathistory' });
  members.set(id, member);
  for (const other of inGroup(group)) {
    other.send(userMessage('add', member));
    if (other !== member) send(userMessage('add', other));
  }
}

function userMessage(kind, member) {
  return { type: 'user', kind, id: member.id, username: member.name, permissions: member.permissions, data: member.data };
}

function joinedMessage(kind, { group, name, permissions }) {
  return { type: 'joined', kind, group, username: name, permissions, status: { name: group, locked: locked.has(group) }, rtcConfiguration: {} };
}

function inGroup(group) {
  return [...members.values()].filter((member) => member.group === group);
}

function dismiss(id) {
  const member = members.get(id);
  if (!member) return;
  members.delete(id);
  for (const [stream, entry] of streams) if (entry.from === id) endStream(stream, entry);
  for (const other of inGroup(member.group)) other.send({ type: 'user', kind: 'delete', id, username: member.name });
}

function endStream(id, { to }) {
  streams.delete(id);
  if (to) members.get(to)?.send({ type: 'close', id });
}

const HANDLERS = {
  request(member) {
    member.wants = true;
    for (const entry of streams.values()) relay(entry);
  },
  offer(member, message) {
    if (message.replace && streams.has(message.replace)) streams.delete(message.replace);
    const known = streams.get(message.id);
    const entry = { ...known, from: member.id, offer: message, ice: [], to: known?.to ?? '' };
    streams.set(message.id, entry);
    if (entry.to) members.get(entry.to)?.send(message);
    else relay(entry);
  },
  answer(member, message) {
    members.get(streams.get(message.id)?.from)?.send(withoutCandidates(message));
  },
  ice(member, message) {
    if (DROP_MEDIA) return;
    const entry = streams.get(message.id);
    if (!entry) return;
    if (entry.from !== member.id) members.get(entry.from)?.send(message);
    else if (entry.to) members.get(entry.to)?.send(message);
    else entry.ice.push(message);
  },
  close(member, message) {
    const entry = streams.get(message.id);
    if (entry?.from === member.id) endStream(message.id, entry);
  },
  renegotiate(member, message) {
    members.get(streams.get(message.id)?.from)?.send({ type: 'renegotiate', id: message.id });
  },
  chat(member, message) {
    const full = { ...message, id: message.dest ? undefined : crypto.randomUUID(), time: new Date().toISOString() };
    if (message.dest) members.get(message.dest)?.send(full);
    else {
      history.push({ group: member.group, message: full });
      appendFile(historyFile, `${JSON.stringify({ group: member.group, message: full })}\n`);
      for (const other of inGroup(member.group)) other.send(full);
    }
  },
  usermessage(member, message) {
    members.get(message.dest)?.send({ ...message, privileged: member.permissions.includes('op') });
  },
  groupaction(member, { kind, value }) {
    if (kind === 'lock' || kind === 'unlock') {
      if (kind === 'lock') locked.add(member.group);
      else locked.delete(member.group);
      for (const other of inGroup(member.group)) other.send(joinedMessage('change', other));
    } else if (kind === 'maketoken') {
      const token = crypto.randomUUID().slice(0, 8);
      tokens.set(token, value);
      member.send({ type: 'usermessage', kind: 'token', privileged: true, value: { ...value, token } });
    }
  },
  useraction(member, message) {
    if (message.kind === 'kick') {
      const target = members.get(message.dest);
      target?.send({ type: 'usermessage', kind: 'kicked', privileged: true, id: member.id, username: member.name, value: 'you have been kicked out' });
      target?.end();
    }
    if (message.kind !== 'setdata') return;
    for (const [key, value] of Object.entries(message.value)) {
      if (value === null) delete member.data[key];
      else member.data[key] = value;
    }
    for (const other of inGroup(member.group)) other.send(userMessage('change', member));
  },
};

function inRoom(member, message) {
  HANDLERS[message.type]?.(member, message);
}

/** Hands a stream to the first other member that wants it; there is no third. */
function relay(entry) {
  const from = members.get(entry.from);
  const to = inGroup(from?.group).find((member) => member.wants && member.id !== entry.from);
  if (!from || !to || entry.to) return;
  entry.to = to.id;
  to.send({ ...withoutCandidates(entry.offer), source: from.id, username: from.name });
  for (const message of entry.ice) to.send(message);
}

function withoutCandidates(message) {
  if (!DROP_MEDIA) return message;
  return { ...message, sdp: message.sdp.replace(/^a=candidate:.*\r\n/gm, '') };
}

web.listen(Number(listen.port), listen.hostname, () => console.log(`stub listening on ${listen.origin}`));
