/**
 * The page of a room: puts the parts together. Wiring only.
 */

import { Call } from './call.js';
import { keepListening } from './listening.js';
import { LocalMedia } from './media/local.js';
import { Meter } from './media/levels.js';
import { mayUseDevices } from './media/devices.js';
import { probeToken } from './net/probe.js';
import { emptyRoom, reduceRoom } from './state/room.js';
import { createStore } from './state/store.js';
import { aboutView } from './view/about.js';
import { announceView } from './view/announce.js';
import { chatView, unreadView } from './view/chat.js';
import { devicesView } from './view/devices.js';
import { lobbyView } from './view/lobby.js';
import { noticesView } from './view/notices.js';
import { peopleView } from './view/people.js';
import { stageView } from './view/stage.js';
import { toolsView } from './view/tools.js';
import { ownEndpoint, readStatus } from './net/status.js';
import { roomOfPath, titleOfName } from './wire/group.js';
import { isInvitation } from './wire/rooms.js';
import { invitation } from './invitation.js';
import { exposeForTests } from './hook.js';
import { recall } from './memory.js';

/** The invitation in the address, read once and then removed from it. @returns {string} */
function takeToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get('token') ?? '';
  if (address.searchParams.has('token')) {
    address.searchParams.delete('token');
    history.replaceState(null, '', address.pathname + address.search + address.hash);
  }
  return token;
}

async function main() {
  const invited = isInvitation(location.pathname);
  const token = takeToken();
  // Whoever comes by a room's token learns the room's name from the server.
  const group = invited ? '' : roomOfPath(location.pathname);
  const store = createStore(reduceRoom, emptyRoom(group, invited ? 'A private room' : titleOfName(group)));
  const local = new LocalMedia();
  const meter = new Meter();
  const status = invited ? { displayName: '', description: '', endpoint: ownEndpoint() } : await readStatus(group);
  const call = new Call({
    url: status.endpoint, group, store, local,
    // One picture per sender until servers are known to choose among several.
    simulcast: recall('simulcast') === 'on',
    redirect(url) {
      if (/^https?:\/\//.test(url)) location.assign(url);
    },
    invitation: (token) => offerInvitation(`${location.origin}${location.pathname}?token=${encodeURIComponent(token)}`),
  });

  const door = invited ? invitation(store, call) : null;

  devicesView(local);
  const lobby = lobbyView({
    local, meter, token,
    join: (credentials) => (door ? door.visit.join(credentials.username) : call.join(credentials)),
    cancel: () => (door ? door.visit.cancel() : call.cancelJoin()),
  });
  const chat = chatView({ say: (dest, typed) => call.say(dest, typed) });
  store.subscribe(lobby.render);
  store.subscribe(chat.render);
  store.subscribe(unreadView());
  store.subscribe(stageView({
    mediaOf: (id) => call.streams?.mediaOf(id) ?? null,
    want: (id, small) => call.want(id, small),
  }));
  store.subscribe(peopleView({
    writeTo(id) {
      store.dispatch({ type: 'panel', panel: 'chat' });
      queueMicrotask(() => chat.writeTo(id));
    },
    moderate: (kind, id) => call.moderate(kind, id),
    govern: (kind) => call.govern(kind),
    invite: () => call.invite(),
  }));
  store.subscribe(toolsView({
    microphone: () => call.toggleMicrophone(),
    camera: () => call.toggleCamera(),
    screen: () => call.toggleScreen(),
    hand: (up) => call.raiseHand(up),
    leave: () => (door ? door.visit.leave() : call.leave()),
    retry: () => call.retryNow(),
    renegotiate: () => call.renegotiate(),
    panel: (panel) => store.dispatch({ type: 'panel', panel }),
    tell: (text) => store.dispatch({ type: 'notice', kind: 'info', text }),
  }));
  store.subscribe(announceView());
  store.subscribe(noticesView((id) => store.dispatch({ type: 'dismiss', id })));
  store.subscribe((state) => {
    const unread = state.chat.unread ? `(${state.chat.unread}) ` : '';
    document.title = `${unread}${state.title} · Parlour`;
  });
  keepListening({ store, call, meter, local });
  exposeForTests(store, call);

  // Browsers let sound start only after a first touch or key.
  for (const touch of ['pointerdown', 'keydown']) document.addEventListener(touch, () => meter.wake());
  window.addEventListener('online', () => call.retryNow());
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) call.retryNow();
  });
  window.addEventListener('pagehide', () => local.releaseAll());
  // Whoever comes back to a page that was put aside has left the call meanwhile.
  window.addEventListener('pageshow', (event) => event.persisted && location.reload());

  if (status.displayName) store.dispatch({ type: 'title', title: status.displayName });
  lobby.describe(status.description);
  if (door) {
    store.subscribe((state) => door.visit.watch(state));
    window.addEventListener('pagehide', () => door.visit.pageGoes());
    door.read().then(({ description, links }) => {
      lobby.describe(description);
      aboutView(links);
    });
  } else if (!group) store.dispatch({ type: 'refused', problem: { needs: '', text: 'This address names no room.' } });
  else if (token) greet(await probeToken(status.endpoint, group, token));
  if (mayUseDevices()) {
    await local.setMicrophone(true);
    await local.setCamera(true);
  }

  /** Puts a fresh invitation where it can be passed on. @param {string} link */
  async function offerInvitation(link) {
    const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    store.dispatch({ type: 'notice', kind: 'info', text: `${copied ? 'An invitation for one day is in your clipboard' : 'An invitation for one day'}: ${link}` });
  }

  /** @param {{name: string} | {problem: import('./state/room.js').JoinProblem}} answer */
  function greet(answer) {
    if ('name' in answer) lobby.nameIsFixed(answer.name);
    else store.dispatch({ type: 'refused', problem: answer.problem });
  }
}

await main();
