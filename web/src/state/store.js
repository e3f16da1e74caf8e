/**
 * Holds one state, changes it through one pure function, and tells the views
 * once per burst of events. Knows nothing of what the state means.
 */

/**
 * @template State, Event
 * @typedef {object} Store
 * @property {() => State} state
 * @property {(event: Event) => void} dispatch
 * @property {(view: (state: State) => void) => void} subscribe
 */

/**
 * @template State, Event
 * @param {(state: State, event: Event) => State} reduce
 * @param {State} initial
 * @returns {Store<State, Event>}
 */
export function createStore(reduce, initial) {
  let state = initial;
  let planned = false;
  /** @type {((state: State) => void)[]} */
  const views = [];

  function show() {
    planned = false;
    for (const view of views) {
      try {
        view(state);
      } catch (error) {
        // One broken view must not take the others down; tests watch for reports.
        reportError(error);
      }
    }
  }

  return {
    state: () => state,
    dispatch(event) {
      const next = reduce(state, event);
      if (next === state) return;
      state = next;
      // A microtask, not an animation frame: hidden pages get no frames.
      if (!planned) {
        planned = true;
        queueMicrotask(show);
      }
    },
    subscribe(view) {
      views.push(view);
      view(state);
    },
  };
}
