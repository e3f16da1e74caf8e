/**
 * The part of the landing page that makes private rooms.
 */

import { byId, setText } from './dom.js';
import { Refused } from '../net/rooms.js';
import { TEXT } from '../visit.js';
import { webAddress } from '../wire/context.js';

/** @typedef {import('../owner.js').Owner} Owner */

/** @param {Owner} owner */
export function privateView(owner) {
  const form = byId('make-private', HTMLFormElement);
  const name = byId('private-name', HTMLInputElement);
  const link = byId('private-link', HTMLInputElement);
  const size = byId('private-size', HTMLSelectElement);
  const done = byId('private-done', HTMLElement);
  const url = byId('private-url', HTMLInputElement);
  const progress = byId('private-progress', HTMLElement);
  const problem = byId('private-problem', HTMLElement);
  const buttons = [...document.querySelectorAll('#private button')].filter((element) => element instanceof HTMLButtonElement);
  let token = '';

  byId('private', HTMLElement).hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    work('Making the room…', create);
  });
  byId('private-delete', HTMLButtonElement).addEventListener('click', () => work('Deleting the room…', remove));
  byId('private-copy', HTMLButtonElement).addEventListener('click', copy);

  async function create() {
    const address = webAddress(link.value.trim());
    const links = address ? [{ url: address, text: address }] : [];
    const made = await owner.create({ name: name.value.trim(), description: '', links }, Number(size.value));
    token = made.token;
    url.value = made.link;
    byId('private-open', HTMLAnchorElement).href = made.link;
    done.hidden = false;
    url.focus();
    url.select();
    return 'Your room is ready.';
  }

  async function remove() {
    await owner.remove(token);
    done.hidden = true;
    url.value = '';
    name.focus();
    return 'The room is deleted.';
  }

  async function copy() {
    const copied = await navigator.clipboard?.writeText(url.value).then(() => true, () => false);
    url.select();
    setText(progress, copied ? 'The link is in your clipboard.' : 'Press Ctrl C to copy the link.');
  }

  /** One thing at a time, and its outcome in words. @param {string} meanwhile @param {() => Promise<string>} act */
  async function work(meanwhile, act) {
    setText(problem, '');
    setText(progress, meanwhile);
    for (const button of buttons) button.disabled = true;
    try {
      setText(progress, await act());
    } catch (error) {
      console.warn(error);
      setText(progress, '');
      const said = error instanceof Refused ? error.refusal.text : '';
      setText(problem, said ? `The server said: ${said}` : TEXT.unreachable);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }
}
