import assert from 'node:assert/strict';
import test from 'node:test';
import { authorization, isSessionToken, keysOf, macOf, payloadHash } from '../src/wire/hawk.js';
import { guest, session } from '../src/net/signer.js';

const TOKEN = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const ID = '5fa7b1a9a3266f052b766e956f525b583607e777f264a5bb67b57ed5e34c2c5c';
const KEY = '4f05fbeb8c81b662f52d5c21595c1033a5126f3b7dabd872c4cfd8298254651c';

/** The vectors of docs/protocols/rooms.md. */
const VECTORS = [
  {
    method: 'GET', path: '/v0/rooms?version=1424903100', host: 'loop.example.com', port: 443, ts: 1424903140, nonce: 'Zx81qT',
    mac: 'T/2NfN86IJo0ZCubBCWt8r9DUGqKhmQPztouW8jNbT4=', answer: 'UKWr62GEM+s09+IjDiEerF7Ti2AmrlDPBQZiRiF/gf4=',
  },
  {
    method: 'POST', path: '/v0/rooms/QzBbvGmIZWU', host: 'localhost', port: 5000, ts: 1424903141, nonce: 'j4h3g2',
    body: '{"action":"leave"}', type: 'application/json; charset=utf-8', hash: 'Tuo37oJIz+UEHGh+0y0wY2I+nVtZWNw/yYnnZtavCS8=',
    mac: 'rCPYDuSHo7+JGZ6TzNOztqs8dmLcbCLU5ag/c6abFFo=', answer: 'CpW3Kll+G0klYt2fVFglVE2cHDlR/teHLJq4h24V6G4=',
  },
  {
    method: 'POST', path: '/v0/registration', host: '127.0.0.1', port: 5000, ts: 1424903142, nonce: 'aB3dE6',
    body: '{"simplePushURLs":{"rooms":"http://127.0.0.1:9/p"}}', type: 'application/json', hash: 'P4CZeNQ5vOdqMc3sH8D28MlA30UkylGSu6bvqtvell4=',
    mac: 'Ih4MEQIVgz4+GHGcTAFSK6RX40N41/ROnHGsAX+TGq0=', answer: 'OiIQyzjnmyWPRDb5PTCTf/J3dIDyC2bW3CMbXfjHWSw=',
  },
  {
    method: 'GET', path: '/rooms', host: 'loop.example.com', port: 80, ts: 1424903143, nonce: 'n0nc3', ext: 'some-ext',
    mac: 'YNGMf2zOyRrTY6GQuzwmILTnsFnRc/dXcO/76tIZP4c=', answer: 'WLlNz9o1MKaLp/77/jkjOSrYorCl4hJSkxz3OEUmRLg=',
  },
];

test('a session token stands for an id and a key', async () => {
  assert.deepEqual(await keysOf(TOKEN), { id: ID, key: KEY });
  assert.deepEqual(await keysOf(TOKEN.toUpperCase()), { id: ID, key: KEY });
});

test('what is no session token is refused', async () => {
  for (const text of ['', TOKEN.slice(1), `${TOKEN}00`, TOKEN.replace('0', 'g')]) {
    assert.equal(isSessionToken(text), false, text);
    await assert.rejects(keysOf(text), TypeError);
  }
});

for (const { mac, answer, body, type, ...signed } of VECTORS) {
  test(`signed like everybody else signs it: ${signed.method} ${signed.path}`, async () => {
    const keys = { id: ID, key: KEY };
    if (body !== undefined) assert.equal(await payloadHash(body, type), signed.hash);
    assert.equal(await macOf(keys, signed), mac);
    assert.equal(await macOf(keys, { ...signed, hash: '', ext: '' }, 'response'), answer);
    const header = await authorization(keys, signed);
    assert.ok(header.startsWith(`Hawk id="${ID}", ts="${signed.ts}", nonce="${signed.nonce}"`) && header.endsWith(`mac="${mac}"`), header);
    assert.equal(header.includes('hash='), body !== undefined);
    assert.equal(header.includes('ext='), 'ext' in signed);
  });
}

test('a signer signs for its server, with the port that the address leaves out', async () => {
  const [vector] = VECTORS;
  assert.ok(vector);
  const place = { hostname: 'loop.example.com', port: '', protocol: 'https:' };
  const signer = session(TOKEN, { place, now: () => vector.ts * 1000 + 999, nonce: () => vector.nonce });
  assert.match(await signer.sign({ method: 'GET', path: vector.path, body: '' }), new RegExp(`mac="${vector.mac.replaceAll('+', '\\+')}"$`));
});

test('a signer whose clock is wrong learns the time from an answer, once', async () => {
  const [vector] = VECTORS;
  assert.ok(vector);
  const place = { hostname: 'loop.example.com', port: '443', protocol: 'https:' };
  const signer = session(TOKEN, { place, now: () => 0, nonce: () => vector.nonce });
  const date = new Date(vector.ts * 1000).toUTCString();
  assert.equal(signer.learn(null), false);
  assert.equal(signer.learn('yesterday'), false);
  assert.equal(signer.learn(date), true);
  assert.equal(signer.learn(date), false);
  assert.ok((await signer.sign({ method: 'GET', path: vector.path, body: '' })).includes(vector.mac));
});

test('a guest shows the token of the join and an empty password', async () => {
  assert.equal(await guest('T1==ZXhhbXBsZQ==').sign({ method: 'GET', path: '/', body: '' }), 'Basic VDE9PVpYaGhiWEJzWlE9PTo=');
});
