/**
 * The few choices a browser keeps for next time. Some browsers keep nothing,
 * and say so with an exception; then the choice lasts as long as the page.
 */

/** @typedef {'name' | 'camera' | 'microphone' | 'keys' | 'simulcast'} Choice */

/**
 * @param {Choice} choice
 * @returns {string} `''` if there is none.
 */
export function recall(choice) {
  try {
    return localStorage.getItem(`parlour.${choice}`) ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {Choice} choice
 * @param {string} value  Never a password, never a token.
 */
export function remember(choice, value) {
  try {
    localStorage.setItem(`parlour.${choice}`, value);
  } catch {
    // Nothing to be done, and nothing lost that matters.
  }
}
