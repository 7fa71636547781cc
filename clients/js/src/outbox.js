import { isNewer, sameItem, wireAnswer } from './item.js';

const WINDOW = 16; // the protocol's limit of answers in flight per socket
const RESUME_ITEMS = 50;
const RESUME_BYTES = 48 * 1024;

/** The longest head of `items` that one `resume_assessment` may carry. */
export function headForResume(items) {
  const encoder = new TextEncoder();
  let bytes = 2;
  const head = items.slice(0, RESUME_ITEMS);
  const tooMuch = head.findIndex((item) => {
    bytes += encoder.encode(JSON.stringify(wireAnswer(item))).length + 1;
    return bytes > RESUME_BYTES;
  });
  return tooMuch === -1 ? head : head.slice(0, tooMuch);
}

/**
 * Sends items through the current connection, a bounded number at a time, and keeps those of a lost connection
 * for the next one. The function given to `attach` sends one item and resolves with 'decided', with 'later' if
 * the server wants to be asked again, or with 'lost' if the connection went before it could say.
 */
export class Outbox {
  #waiting = new Map(); // question_id → newest item not under way
  #inFlight = new Set();
  #send = null;
  #hold = null;

  /** `retry`: a Backoff for what is to be asked again later. `onChange()`: something left the box. */
  constructor({ retry, onChange = () => {}, window = WINDOW }) {
    Object.assign(this, { retry, onChange, window });
  }

  get size() {
    return this.#waiting.size + this.#inFlight.size;
  }

  /** Take an item to be sent, unless it or a newer answer to its question is here already. */
  offer(item) {
    const isHere = [...this.#inFlight].some((other) => sameItem(other, item));
    if (isHere || this.#isOvertaken(item)) return;
    this.#waiting.delete(item.question_id); // so that the newer one goes to the end of the line
    this.#waiting.set(item.question_id, item);
    this.#pump();
  }

  /** The server decided about this item in its answer to a resume. */
  remove(item) {
    const waiting = this.#waiting.get(item.question_id);
    if (waiting && sameItem(waiting, item)) this.#waiting.delete(item.question_id);
  }

  attach(send) {
    this.#send = send;
    this.#pump();
  }

  detach() {
    this.#send = null;
    this.nudge();
    const lost = [...this.#inFlight];
    this.#inFlight.clear();
    lost.forEach((item) => this.#takeBack(item));
  }

  clear() {
    this.#waiting.clear();
  }

  /** The reason to wait is gone. */
  nudge() {
    clearTimeout(this.#hold);
    this.#hold = null;
    this.#pump();
  }

  #pump() {
    while (this.#send && !this.#hold && this.#inFlight.size < this.window && this.#waiting.size > 0) {
      const [questionId, item] = this.#waiting.entries().next().value;
      this.#waiting.delete(questionId);
      this.#inFlight.add(item);
      this.#deliver(item, this.#send);
    }
  }

  async #deliver(item, send) {
    const outcome = await send(item);
    if (this.#send !== send) return; // detach() has taken it back
    this.#inFlight.delete(item);
    if (outcome !== 'decided') this.#takeBack(item);
    if (outcome === 'later') this.#hold ??= setTimeout(() => this.nudge(), this.retry.next());
    if (outcome === 'decided') {
      this.retry.reset();
      this.#pump();
    }
    this.onChange();
  }

  #takeBack(item) {
    const waiting = this.#waiting.get(item.question_id);
    if (this.#isOvertaken(item) || (waiting && !isNewer(item, waiting))) return;
    this.#waiting.set(item.question_id, item);
  }

  #isOvertaken(item) {
    const rivals = [this.#waiting.get(item.question_id), ...this.#inFlight];
    return rivals.some((rival) => rival?.question_id === item.question_id && isNewer(rival, item));
  }
}
