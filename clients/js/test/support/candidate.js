import 'fake-indexeddb/auto';
import { WebSocket } from 'ws';
import { AssessmentSession, PendingStore } from '../../index.js';

let databases = 0;

export function freshDatabaseName() {
  return `sitting-${++databases}`;
}

/** A session against a ScriptedServer, with a database of its own unless `name` is given. */
export async function openSession(server, { name = freshDatabaseName(), ...options } = {}) {
  const store = await PendingStore.open({ name });
  let tickets = 0;
  const signals = new EventTarget();
  const session = new AssessmentSession({
    url: server.url,
    getTicket: async () => `t${++tickets}`,
    testId: 3,
    applicationId: 5,
    store,
    WebSocket,
    signals,
    backoff: { base: 5, cap: 20 },
    requestTimeout: 5_000,
    flushTimeout: 5_000,
    ...options,
  });
  return Object.assign(session, { store, signals, name });
}

/** The next event of that type which `accept` likes; a test that waits in vain is ended by the runner's timeout. */
export function event(session, type, accept = () => true) {
  return new Promise((resolve) => {
    session.addEventListener(type, function listen({ detail }) {
      if (!accept(detail)) return;
      session.removeEventListener(type, listen);
      resolve(detail);
    });
  });
}

export const state = (session, wanted) => event(session, 'state', (detail) => detail.state === wanted);

/** Polls `condition` until it holds; fails after five seconds. */
export async function until(condition) {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`It never held: ${condition}`);
    await new Promise(setImmediate);
  }
}
