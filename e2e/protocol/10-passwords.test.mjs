/** Passwords in every stored form, and files of 2021 (docs/protocols/galene.md §§5.4, 5.5). */

import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { PEOPLE, failsToJoin, suite, tryJoin } from './client.mjs';

const pbkdf2 = (password, bytes = 32, iterations = 4096) => ({
  type: 'pbkdf2', hash: 'sha-256', iterations, salt: '00112233aabbccdd',
  key: pbkdf2Sync(password, Buffer.from('00112233aabbccdd', 'hex'), iterations, bytes, 'sha256').toString('hex'),
});
/** bcrypt of `sesame` at cost 5, made by another implementation. */
const BCRYPT = '$2a$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O';

const FORMS = {
  text: 'sesame',
  plain: { type: 'plain', key: 'sesame' },
  pbkdf2: pbkdf2('sesame'),
  short: pbkdf2('sesame', 16),
  long: pbkdf2('sesame', 64, 1),
  bcrypt: { type: 'bcrypt', key: BCRYPT },
  bcrypt2b: { type: 'bcrypt', key: BCRYPT.replace('$2a$', '$2b$') },
  bcrypt2y: { type: 'bcrypt', key: BCRYPT.replace('$2a$', '$2y$') },
};
const users = (forms) => Object.fromEntries(Object.entries(forms).map(([name, password]) => [name, { password, permissions: 'present' }]));
const it = suite({
  groups: {
    forms: { users: { ...users(FORMS), any: { password: { type: 'wildcard' }, permissions: 'present' }, none: { permissions: 'present' }, hollow: { password: {}, permissions: 'present' }, empty: { password: '', permissions: 'present' }, bare: { password: 'x' } } },
    wild: { users: { op: { password: 'op', permissions: 'op' } }, 'wildcard-user': { password: 'shared', permissions: 'message' } },
    nowild: { 'wildcard-user': { permissions: 'present' } },
    hashedwild: { 'wildcard-user': { password: pbkdf2('sesame'), permissions: 'present' } },
    list: { 'wildcard-user': { password: { type: 'wildcard' }, permissions: ['caption', 'present'] } },
    old: {
      op: [{ username: 'jch', password: '1234' }, { username: 'jch', password: '5678' }, { password: 'master' }],
      presenter: [{ username: 'mary', password: pbkdf2('sesame') }, { username: 'jch', password: 'other' }, { username: 'open' }],
      other: [{ password: 'listen' }, { password: 'hear' }],
    },
    openold: { op: [{ username: 'boss', password: 'x' }, { password: 'anyop' }], presenter: [{}] },
    anonymous: { 'allow-anonymous': true, presenter: [{}] },
    bad: { users: { a: { password: { type: 'rot13', key: 'x' }, permissions: 'present' }, b: { password: 'b', permissions: 'present' } } },
  },
});
const enters = async (server, group, username, password, permissions) => {
  const { joined, client } = await tryJoin(server, group, { username, password });
  assert.equal(joined.kind, 'join', `${group} ${username} ${password}: ${joined.value}`);
  if (permissions) assert.deepEqual([...(joined.permissions ?? [])].sort(), permissions);
  await client.close();
};
const refused = (server, group, username, password) => failsToJoin(server, group, { username, password }, 'not authorised');

for (const form of Object.keys(FORMS)) {
  it(`a password stored as ${form} fits itself only`, async (server) => {
    await enters(server, 'forms', form, 'sesame', ['message', 'present']);
    for (const wrong of ['Sesame', 'sesame ', '', undefined, 'sesam', 'sesamee', BCRYPT]) await refused(server, 'forms', form, wrong);
  });
}

it('a wildcard fits everything', async (server) => {
  for (const password of ['x', '', undefined]) await enters(server, 'forms', 'any', password);
});

it('no password and an empty object fit nothing', async (server) => {
  for (const name of ['none', 'hollow']) for (const password of ['x', '', undefined]) await refused(server, 'forms', name, password);
});

it('an empty text is a password: the empty one', async (server) => {
  await enters(server, 'forms', 'empty', '');
  await refused(server, 'forms', 'empty', 'x');
});

it('a named user without permissions has none', (server) => enters(server, 'forms', 'bare', 'x', []));

it('a named user does not fall back to the wildcard user', async (server) => {
  await enters(server, 'wild', 'op', 'op', ['caption', 'message', 'op', 'present', 'token']);
  await refused(server, 'wild', 'op', 'shared');
  await enters(server, 'wild', 'guest', 'shared', ['message']);
  await refused(server, 'wild', 'guest', 'op');
  await enters(server, 'wild', 'Op', 'shared', ['message']);
});

it('a wildcard user without a password lets nobody in', async (server) => {
  for (const password of ['x', '', undefined]) await refused(server, 'nowild', 'a', password);
});

it('a wildcard user may have a hashed password', async (server) => {
  await enters(server, 'hashedwild', 'a', 'sesame');
  await refused(server, 'hashedwild', 'a', 'open');
});

it('a list of permissions is taken literally', (server) => enters(server, 'list', 'a', '', ['caption', 'present']));

it('a password of an unknown type fits nothing and harms no other', async (server) => {
  const { joined } = await tryJoin(server, 'bad', { username: 'a', password: 'x' });
  assert.equal(joined.kind, 'fail');
});

it('2021: any entry with the name may match, wrong ones refuse before later lists are tried', async (server) => {
  const op = ['caption', 'message', 'op', 'present', 'token'];
  await enters(server, 'old', 'jch', '1234', op);
  await enters(server, 'old', 'jch', '5678', op);
  await refused(server, 'old', 'jch', 'other');
  await refused(server, 'old', 'jch', 'master');
  await refused(server, 'old', 'jch', 'listen');
});

it('2021: entries without a name come after those with one, list by list', async (server) => {
  const op = ['caption', 'message', 'op', 'present', 'token'];
  await enters(server, 'old', 'anybody', 'master', op);
  await enters(server, 'old', 'mary', 'master', op);
  await enters(server, 'old', 'mary', 'sesame', ['message', 'present']);
  await refused(server, 'old', 'mary', 'listen');
  await enters(server, 'old', 'open', 'whatever', ['message', 'present']);
  await enters(server, 'old', 'anybody', 'listen', ['message']);
  await enters(server, 'old', 'anybody', 'hear', ['message']);
  await refused(server, 'old', 'anybody', 'x');
});

it('2021: an open list of presenters beside a password for operators', async (server) => {
  const op = ['caption', 'message', 'op', 'present', 'token'];
  await enters(server, 'openold', 'x', 'anyop', op);
  await enters(server, 'openold', 'x', 'anything', ['message', 'present']);
  await enters(server, 'openold', 'boss', 'x', op);
  await refused(server, 'openold', 'boss', 'y');
  await refused(server, 'openold', 'boss', 'anyop');
});

it('2021: an empty name', (server) => enters(server, 'anonymous', '', '', ['message', 'present']));

it('many slow checks at once all get their answer', async (server) => {
  const all = Array.from({ length: 40 }, (_, n) => tryJoin(server, 'forms', { username: 'pbkdf2', password: n % 2 ? 'sesame' : 'wrong' }));
  const kinds = (await Promise.all(all)).map(({ joined }) => joined.kind);
  assert.deepEqual(kinds, Array.from({ length: 40 }, (_, n) => (n % 2 ? 'join' : 'fail')));
});
