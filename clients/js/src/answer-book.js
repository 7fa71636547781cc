import { givenOf, sameItem, spelledOut } from './item.js';

/**
 * What this client knows about each question: the version that the server stores and the one typed here behind it.
 * It says "saved" for what the server confirmed, and for nothing else.
 */
export class AnswerBook {
  #entries = new Map();

  /** The server's stored versions, as in `assessment_recovered`. */
  load(responses) {
    for (const response of responses) this.#entry(response.question_id).stored = response;
  }

  /** Something was typed that is on its way to the disk; returns what typed() wants back then. */
  draft(questionId, given) {
    const draft = { question_id: questionId, ...givenOf(given) };
    Object.assign(this.#entry(questionId), { typed: draft, refusal: null });
    return draft;
  }

  /** The disk has it, as this item, unless yet another answer was typed meanwhile. */
  typed(item, before) {
    const entry = this.#entry(item.question_id);
    if (entry.typed === before) entry.typed = item;
  }

  /** Takes over an item of an earlier page load, unless something newer was typed since. */
  restore(item) {
    const entry = this.#entry(item.question_id);
    entry.typed ??= item;
  }

  stored(item, { seq, saved_at }) {
    const entry = this.#entry(item.question_id);
    if ((entry.stored?.seq ?? 0) <= seq) {
      entry.stored = { question_id: item.question_id, ...givenOf(item), seq, saved_at };
    }
    if (this.isNewest(item)) entry.typed = null;
  }

  /** The server did not take it; `code` says why, `message` in words if it said any. What it stores stands. */
  refused(item, code, message = null) {
    if (!this.isNewest(item)) return;
    const refusal = { code, message, given: spelledOut(item) };
    Object.assign(this.#entry(item.question_id), { typed: null, refusal });
  }

  /** How many answers of this client have no decision yet. */
  get undecided() {
    return [...this.#entries.values()].filter(({ typed }) => typed).length;
  }

  isNewest(item) {
    const typed = this.#entries.get(item.question_id)?.typed;
    return Boolean(typed?.client_id && sameItem(typed, item));
  }

  /**
   * `{selected_option, selected_options, value, status, saved_at, refusal}`, what is not given as null; status is
   * 'none', 'pending', 'saved' or 'refused'; `refusal` is null or `{code, message, given}`.
   */
  read(questionId) {
    const { stored = null, typed = null, refusal = null } = this.#entries.get(questionId) ?? {};
    const status = typed ? 'pending' : refusal ? 'refused' : stored ? 'saved' : 'none';
    return { ...spelledOut(typed ?? stored ?? {}), status, saved_at: stored?.saved_at ?? null, refusal };
  }

  #entry(questionId) {
    if (!this.#entries.has(questionId)) this.#entries.set(questionId, { stored: null, typed: null, refusal: null });
    return this.#entries.get(questionId);
  }
}
