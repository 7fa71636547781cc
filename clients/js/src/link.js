import { ConnectionLost, ProtocolError } from './errors.js';
import { closeVerdict } from './socket.js';

// A restarting server loses everybody in one instant, an overloaded one wants fewer: both get a wider spread.
const PATIENCE = new Map([
  [1012, 2],
  [1013, 4],
  [4029, 3],
]);

/**
 * Keeps one connection standing until the server says that it should not come back.
 *
 * `dial()` gives an open Connection, `greet(connection)` says who we are and settles when it may be used; both may
 * fail. `onUp(connection)` and `onDown({delay, error, code})` report; delays are milliseconds.
 */
export class Link {
  #stopped = false;
  #connection = null;
  #wake = () => {};

  constructor({ dial, greet, onUp, onDown, backoff, heartbeatEvery = 20_000, checkTimeout = 4_000 }) {
    Object.assign(this, { dial, greet, onUp, onDown, backoff, heartbeatEvery, checkTimeout });
  }

  /** Resolves when it is over for good: `{verdict, error?, code?}`, verdict as in closeVerdict, or 'stopped'. */
  async run() {
    let renewed = false;
    while (!this.#stopped) {
      const end = await this.#attempt();
      if (this.#stopped) break;
      if (end.wasUp) renewed = false;
      const comeBack = end.verdict === 'back' || (end.verdict === 'renew' && !renewed);
      if (!comeBack) return end;
      renewed ||= end.verdict === 'renew';
      const asked = (end.error?.details?.retry_after_seconds ?? 0) * 1000; // spread by the server already
      const delay = end.verdict === 'renew' ? 0 : Math.max(asked, this.backoff.next(PATIENCE.get(end.code)));
      this.onDown({ ...end, delay });
      await this.#sleep(delay);
    }
    return { verdict: 'stopped' };
  }

  stop() {
    this.#stopped = true;
    this.#wake();
    this.#connection?.drop();
  }

  /** The network is said to be back: try now. */
  hasten() {
    this.#wake();
    this.check();
  }

  /** Is the other side still there? If it does not answer soon, the connection is given up. */
  check() {
    this.#connection?.request('heartbeat', {}, this.checkTimeout).catch(() => {});
  }

  async #attempt() {
    let connection = null;
    try {
      connection = await this.dial();
      this.#connection = connection;
      if (this.#stopped) throw new ConnectionLost(1006);
      await this.greet(connection);
    } catch (error) {
      connection?.drop();
      return failure(error);
    }
    return this.#whileUp(connection);
  }

  async #whileUp(connection) {
    this.backoff.connected();
    this.onUp(connection);
    const heart = setInterval(() => connection.request('heartbeat').catch(() => {}), this.heartbeatEvery);
    const code = await connection.closed;
    clearInterval(heart);
    return { verdict: closeVerdict(code), code, wasUp: true };
  }

  #sleep(delay) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delay);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// Anything that is not a clear refusal is worth another attempt: fetch() reports a dead network as a TypeError.
function failure(error) {
  if (error instanceof ConnectionLost) return { verdict: closeVerdict(error.closeCode), code: error.closeCode, error };
  if (error.code === 'attachment_stale') return { verdict: 'replaced', error };
  const refused = error instanceof ProtocolError ? !error.retryable : error.retryable === false;
  return { verdict: refused ? 'refused' : 'back', error };
}
