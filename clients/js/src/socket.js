import { ConnectionLost, ProtocolError } from './errors.js';

// Without it the server leads on and hands in by itself; WebSocket fails a connection that does not confirm it.
export const SUBPROTOCOL = 'sitting.v1';

const OPEN = 1;

const VERDICTS = new Map([
  [4001, 'renew'],
  [4003, 'refused'],
  [4004, 'refused'],
  [4009, 'replaced'],
  [4010, 'over'],
]);

/** What a close code asks for: 'back', 'renew' (back, once, with a new ticket), 'replaced', 'over' or 'refused'. */
export function closeVerdict(code) {
  return VERDICTS.get(code) ?? 'back';
}

export function encode(type, data, id) {
  return JSON.stringify(id === undefined ? { type, data } : { type, data, id });
}

/** The message in a frame, or null if it is not an envelope. */
export function decode(frame) {
  try {
    const message = JSON.parse(frame);
    return typeof message?.type === 'string' ? { ...message, data: message.data ?? {} } : null;
  } catch {
    return null;
  }
}

export function socketUrl(url, { ticket, testId }) {
  const address = new URL(url, globalThis.location?.href);
  address.protocol = address.protocol.replace('http', 'ws');
  address.searchParams.set('ticket', ticket);
  if (testId !== undefined) address.searchParams.set('test_id', testId);
  return address.href;
}

/**
 * One WebSocket from its opening to its end; it never reconnects. `opened` resolves when frames may be sent,
 * `closed` resolves with the close code (1006 where there is none), once, and nothing is delivered behind it.
 */
export class Connection {
  #socket;
  #requests = new Map();
  #nextId = 0;
  #timeout;
  #onMessage;
  #finish;

  constructor({ url, onMessage = () => {}, timeout = 10_000, WebSocket = globalThis.WebSocket }) {
    this.#timeout = timeout;
    this.#onMessage = onMessage;
    this.#socket = new WebSocket(url, [SUBPROTOCOL]);
    this.closed = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.opened = new Promise((resolve, reject) => this.#listen(resolve, reject));
    this.opened.catch(() => {});
  }

  /** Send and wait for the direct reply. Rejects with ProtocolError (refused) or ConnectionLost (outcome unknown). */
  request(type, data = {}, timeout = this.#timeout) {
    return new Promise((resolve, reject) => {
      if (!this.#socket) return reject(new ConnectionLost(1006));
      const id = `c${++this.#nextId}`;
      // Silence on an open socket is a dead network more often than a slow server, so the connection goes.
      const timer = setTimeout(() => this.drop(), timeout);
      this.#requests.set(id, { resolve, reject, timer });
      // A socket that is closing takes no frames; its close event will reject this with the code.
      return this.#socket.readyState === OPEN && this.#socket.send(encode(type, data, id));
    });
  }

  /** End it now, without waiting for the closing handshake, which on a dead network takes minutes. */
  drop(code = 1006) {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    for (const { reject, timer } of this.#requests.values()) {
      clearTimeout(timer);
      reject(new ConnectionLost(code));
    }
    this.#requests.clear();
    this.#finish(code);
    socket.close();
  }

  #listen(resolve, reject) {
    const socket = this.#socket;
    const timer = setTimeout(() => this.drop(), this.#timeout);
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.addEventListener('message', (event) => this.#socket && this.#receive(event.data));
    socket.addEventListener('error', () => {}); // always followed by 'close', which knows more
    socket.addEventListener('close', (event) => this.drop(event.code || 1006));
    this.closed.then((code) => {
      clearTimeout(timer);
      reject(new ConnectionLost(code));
    });
  }

  #receive(frame) {
    const message = decode(frame);
    if (message === null) return;
    const request = this.#requests.get(message.reply_to);
    if (request) {
      this.#requests.delete(message.reply_to);
      clearTimeout(request.timer);
    }
    if (message.type === 'error' && request) return request.reject(new ProtocolError(message.data));
    this.#onMessage(message);
    request?.resolve(message);
  }
}
