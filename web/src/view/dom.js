/**
 * The few helpers all views share. Text of others only ever becomes text.
 */

/**
 * The element with this id; the page is broken without it.
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`no ${kind.name} #${id} in the page`);
}

/**
 * Makes an element with a class and text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = '', text = '') {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * A drawing from `/icons.svg`; with a name it is read aloud, without it is decoration.
 * @param {string} which  One of ours, never text of others.
 * @param {string} [name]
 * @param {boolean} [small]
 */
export function icon(which, name = '', small = false) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', small ? 'icon small' : 'icon');
  if (name) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', name);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/icons.svg#${which}`);
  svg.append(use);
  return svg;
}

/**
 * A button that holds text.
 * @param {string} text
 * @param {() => void} press
 * @param {string} [className]
 */
export function button(text, press, className = '') {
  const element = make('button', className, text);
  element.type = 'button';
  element.addEventListener('click', press);
  return element;
}

/**
 * Sets the text only if it differs, so that screen readers stay quiet.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Changes the drawing of a button.
 * @param {Element} element
 * @param {string} which
 */
export function setIcon(element, which) {
  const use = element.querySelector('use');
  const href = `/icons.svg#${which}`;
  if (use && use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/**
 * Sets an attribute only if it differs.
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
