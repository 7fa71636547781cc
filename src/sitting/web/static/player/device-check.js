import { Connection, socketUrl } from '../client/index.js';
import { fetchTicket } from './api.js';
import { el, setText } from './dom.js';

/**
 * Two lines that say whether this device can take the test. `passed` resolves with true or false once known:
 * a socket that opens is needed, a lasting store is not.
 */
export function deviceCheck({ store, testId }) {
  const storage = line('Storage on this device');
  const network = line('Connection to the server');
  report(
    storage,
    store.durable ? 'good' : 'warn',
    store.durable
      ? 'Ready: answers survive a reload of this page'
      : 'This browser keeps nothing (a private window?). Leave this page open while answers are unsent',
  );
  const node = el(
    'section',
    { class: 'check', 'aria-label': 'Device check' },
    storage.node,
    network.node,
    el(
      'p',
      { class: 'again' },
      el('button', { type: 'button', class: 'quiet', hidden: true, onclick: () => run() }, 'Check again'),
    ),
  );
  const again = node.querySelector('button');
  let onPassed = () => {};

  async function run() {
    again.hidden = true;
    report(network, 'busy', 'Checking …');
    const failure = await tryConnection(testId);
    report(network, failure ? 'bad' : 'good', failure ?? 'Ready');
    again.hidden = !failure;
    onPassed(!failure);
  }

  return {
    node,
    run: (listener) => {
      onPassed = listener;
      return run();
    },
  };
}

/** Null if a message went there and another came back; else what to say. */
async function tryConnection(testId) {
  let connection = null;
  try {
    const url = socketUrl('/ws/assessment', { ticket: await fetchTicket(), testId });
    connection = new Connection({ url });
    await connection.opened;
    await connection.request('heartbeat');
    return null;
  } catch (error) {
    return error.retryable === false
      ? error.message
      : 'No lasting connection. Is the network there, and does it allow WebSockets?';
  } finally {
    connection?.drop();
  }
}

function line(title) {
  const state = el('span', { class: 'state' });
  return { state, node: el('p', { role: 'status' }, el('span', { class: 'what' }, title), state) };
}

function report({ node, state }, kind, text) {
  node.dataset.kind = kind;
  setText(state, text);
}
