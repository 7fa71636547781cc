import { recall, remember } from './tab-memory.js';

/** Where giving an answer closes the question: what was chosen or typed and is not given yet, by question. */
export class Unchecked {
  #name;
  #all;

  constructor(assessmentId) {
    this.#name = `unchecked.${assessmentId}`;
    this.#all = recall(this.#name) ?? {};
  }

  get(questionId) {
    return this.#all[questionId] ?? null;
  }

  /** `given` as `session.answer` takes it; null: nothing is chosen any more. */
  set(questionId, given) {
    if (given === null) delete this.#all[questionId];
    else this.#all[questionId] = given;
    remember(this.#name, this.#all);
  }
}
