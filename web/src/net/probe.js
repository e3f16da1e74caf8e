/**
 * Asks the server what an invitation is good for, before the join page is
 * shown: joins without a name, looks at the answer, and goes away again.
 *
 * Source: docs/protocols/galene.md §3.3 (login with a token).
 */

import { judgeRefusal } from '../state/room.js';
import { Link } from './socket.js';

/** @typedef {import('../state/room.js').JoinProblem} JoinProblem */

/** How long the server may take to answer. */
export const PROBE_MAX_MS = 8_000;

/**
 * @param {string} url
 * @param {string} group
 * @param {string} token
 * @returns {Promise<{name: string} | {problem: JoinProblem}>}
 */
export function probeToken(url, group, token) {
  return new Promise((resolve) => {
    /** @param {{name: string} | {problem: JoinProblem}} outcome */
    const done = (outcome) => {
      clearTimeout(timer);
      link.stop();
      resolve(outcome);
    };
    const timer = setTimeout(() => done({ problem: { needs: '', text: 'The server does not answer.' } }), PROBE_MAX_MS);
    const link = new Link(url, (event) => {
      if (event.type === 'open') link.send({ type: 'join', kind: 'join', group, token });
      if (event.type !== 'message' || event.message.type !== 'joined') return;
      const { message } = event;
      if (message.kind === 'join') done({ name: message.username });
      else if (message.kind === 'fail') done({ problem: judgeRefusal(message, { wasIn: false, password: '', token }).problem });
    });
    link.start();
  });
}
