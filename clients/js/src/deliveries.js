import { AnswerBook } from './answer-book.js';
import { Condition } from './condition.js';
import { ConnectionLost, ProtocolError, UnsentAnswers } from './errors.js';
import { givenOf, sameItem, wireAnswer } from './item.js';
import { Outbox, headForResume } from './outbox.js';
import { ItemPromises } from './promises.js';

// The server wants to be asked again, whatever `retryable` says.
const ASK_AGAIN = new Set(['paused', 'unavailable', 'rate_limited']);
const LATE = new Set(['deadline_passed', 'assessment_over']);
const CODES = { superseded: 'answer_superseded', late: 'deadline_passed', refused: 'invalid_answer' };

/**
 * The way of an answer: onto this device, over whatever connection there is, until the server has decided.
 * `onSaved(item, {seq, saved_at, …})` and `onRefused(item, error)` report the decisions.
 */
export class Deliveries {
  answers = new AnswerBook();
  #store;
  #outbox;
  #promises = new ItemPromises();
  #attached = false;
  #storing = 0;
  #drained = new Condition(() => this.#attached && this.size === 0);

  constructor({ store, retry, onSaved, onRefused }) {
    this.#store = store;
    this.#outbox = new Outbox({ retry, onChange: () => this.#drained.changed() });
    Object.assign(this, { onSaved, onRefused });
  }

  /** Answers of this page that the server has not decided about. */
  get size() {
    return this.#outbox.size + this.#storing;
  }

  /** Resolves with the server's word on the answer, or with null when a newer one takes its place. */
  async put(assessmentId, questionId, given) {
    const draft = this.answers.draft(questionId, given);
    this.#storing += 1;
    const item = await this.#store.put(assessmentId, questionId, given);
    this.#storing -= 1;
    this.answers.typed(item, draft);
    this.#outbox.offer(item);
    return { decided: this.#promises.make(item) };
  }

  /** What goes along with `resume_assessment`: items, the oldest first. */
  async forResume(assessmentId) {
    const pending = await this.#store.pending(assessmentId);
    for (const item of pending) this.answers.restore(item);
    return headForResume(pending);
  }

  /** The snapshot is here, with its verdicts on the items that went along; the rest of the store follows now. */
  async resumed(assessmentId, head, { acknowledged = [], responses = [] }) {
    await this.#store.learn(assessmentId, responses);
    for (const verdict of acknowledged) {
      const item = head.find((sent) => sameItem(sent, verdict));
      const { outcome, code, seq, saved_at } = verdict;
      if (!item || (outcome === 'refused' && ASK_AGAIN.has(code))) continue;
      if (outcome === 'saved' || outcome === 'duplicate') await this.#saved(item, { seq, saved_at });
      else await this.#refused(item, new ProtocolError({ code: code ?? CODES[outcome] }));
      this.#outbox.remove(item);
    }
    for (const item of await this.#store.pending(assessmentId)) {
      this.answers.restore(item);
      this.#outbox.offer(item);
    }
  }

  attach(connection) {
    this.#attached = true;
    this.#outbox.attach((item) => this.#send(item, connection));
    this.#drained.changed();
  }

  detach() {
    this.#attached = false;
    this.#outbox.detach();
  }

  /** The server takes answers again. */
  nudge() {
    this.#outbox.nudge();
  }

  /** No connection will come: those who wait are told `error`; the items stay in the store. */
  async abandon(assessmentId, error) {
    this.detach();
    this.#outbox.clear();
    this.#promises.rejectAll(error);
    this.#drained.giveUp();
    if (error.code === 'assessment_over' && (await this.#store.pending(assessmentId)).length === 0) {
      await this.#store.forget(assessmentId);
    }
  }

  /** Resolves when the server has decided about everything; rejects if that does not happen in `timeout` ms. */
  async drain(timeout) {
    const done = await this.#drained.wait(timeout);
    if (!done) throw this.size > 0 ? new UnsentAnswers(this.size) : new ConnectionLost(1006);
  }

  async #send(item, connection) {
    try {
      const { data } = await connection.request('submit_answer', wireAnswer(item));
      await this.#saved(item, data);
    } catch (error) {
      // Another window has the test: nothing was decided about the answer, and this connection is closed behind it.
      if (!(error instanceof ProtocolError) || error.code === 'attachment_stale') return 'lost';
      if (error.retryable || ASK_AGAIN.has(error.code)) return 'later';
      await (error.code === 'client_seq_conflict' ? this.#numberAnew(item) : this.#refused(item, error));
    }
    return 'decided';
  }

  async #saved(item, saved) {
    await this.#store.settle(item, saved.seq);
    this.answers.stored(item, saved);
    this.#promises.resolve(item, saved);
    this.onSaved(item, saved);
  }

  async #refused(item, error) {
    await this.#store.settle(item);
    const isNewest = this.answers.isNewest(item);
    const words = error.message === error.code ? null : error.message;
    this.answers.refused(item, LATE.has(error.code) ? 'late' : error.code, words);
    this.#promises.reject(item, error);
    if (isNewest) this.onRefused(item, error);
  }

  // Somebody else has used our number: a browser profile that was copied. The answer goes again under a new identity.
  async #numberAnew(item) {
    await this.#store.renew();
    if (!this.answers.isNewest(item)) return;
    const draft = this.answers.draft(item.question_id, givenOf(item));
    const again = await this.#store.put(item.assessment_id, item.question_id, givenOf(item));
    this.#promises.move(item, again);
    this.answers.typed(again, draft);
    this.#outbox.offer(again);
  }
}
