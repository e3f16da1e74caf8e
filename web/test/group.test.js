import assert from 'node:assert/strict';
import test from 'node:test';
import { pathOfRoom, problemWithName, roomOfPath, titleOfName } from '../src/wire/group.js';

test('a room is found in the path of its page', () => {
  assert.equal(roomOfPath('/group/lobby/'), 'lobby');
  assert.equal(roomOfPath('/group/team/daily/'), 'team/daily');
  assert.equal(roomOfPath('/group/a%20b%3F'), 'a b?');
  assert.equal(roomOfPath('/r/AbCdEfGhIjk'), '');
  for (const none of ['/', '/group/', '/group//', '/group/%', '/group/.hidden/', '/elsewhere/x']) assert.equal(roomOfPath(none), '', none);
});

test('the path of a room leads back to it', () => {
  for (const name of ['lobby', 'team/daily', 'ä ö', '100%', 'what?#']) assert.equal(roomOfPath(pathOfRoom(name)), name);
});

test('names no room can have are explained', () => {
  for (const bad of ['', '/a', 'a/', 'a//b', '.a', 'a/../b', 'a\\b']) assert.notEqual(problemWithName(bad), '', bad);
  assert.equal(problemWithName('team/daily'), '');
  assert.equal(titleOfName('lobby'), 'Lobby');
});
