import { givenOf } from './item.js';

/**
 * What is being typed and no answer yet, in localStorage: of all stores the only one that has a thing at once, and so
 * also when the page goes in this moment. A browser without it does without; the pause in typing stores the rest.
 */
export class Drafts {
  #storage;
  #prefix;

  static open({ storage, name = 'sitting' } = {}) {
    try {
      return new Drafts(storage ?? globalThis.localStorage ?? null, name);
    } catch {
      return new Drafts(null, name);
    }
  }

  constructor(storage = null, name = 'sitting') {
    this.#storage = storage;
    this.#prefix = `${name}.draft.`;
  }

  keep(assessmentId, questionId, given) {
    this.#try((storage) => storage.setItem(this.#key(assessmentId, questionId), text(given)));
  }

  /** Forgets it, unless something else was typed since. */
  drop(assessmentId, questionId, given) {
    const key = this.#key(assessmentId, questionId);
    this.#try((storage) => storage.getItem(key) === text(given) && storage.removeItem(key));
  }

  /** `[{question_id, given}]` of an assessment. */
  all(assessmentId) {
    const prefix = this.#key(assessmentId, '');
    const read = (storage) =>
      Array.from({ length: storage.length }, (_, at) => storage.key(at))
        .filter((key) => key.startsWith(prefix))
        .map((key) => ({ question_id: key.slice(prefix.length), given: JSON.parse(storage.getItem(key)) }));
    return this.#try(read) ?? [];
  }

  #key(assessmentId, questionId) {
    return `${this.#prefix}${assessmentId}.${questionId}`;
  }

  #try(work) {
    try {
      return this.#storage && work(this.#storage);
    } catch {
      return null; // full, or forbidden
    }
  }
}

function text(given) {
  return JSON.stringify(givenOf(given));
}
