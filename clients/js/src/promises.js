import { sameItem } from './item.js';

/** A promise with its handles outside. Nobody has to listen to its rejection. */
export function deferred() {
  const handles = {};
  handles.promise = new Promise((resolve, reject) => Object.assign(handles, { resolve, reject }));
  handles.promise.catch(() => {});
  return handles;
}

/** The promises given out for items, one per question: the newest item's. */
export class ItemPromises {
  #byQuestion = new Map(); // question_id → {item, handles}

  /** The one before for the same question resolves with null: its answer was replaced before it was decided. */
  make(item) {
    this.#byQuestion.get(item.question_id)?.handles.resolve(null);
    const handles = deferred();
    this.#byQuestion.set(item.question_id, { item, handles });
    return handles.promise;
  }

  /** Whoever waited for `item` waits for `other` from now on. */
  move(item, other) {
    const entry = this.#byQuestion.get(item.question_id);
    if (entry && sameItem(entry.item, item)) entry.item = other;
  }

  resolve(item, value) {
    this.#take(item)?.resolve(value);
  }

  reject(item, error) {
    this.#take(item)?.reject(error);
  }

  rejectAll(error) {
    for (const { handles } of this.#byQuestion.values()) handles.reject(error);
    this.#byQuestion.clear();
  }

  #take(item) {
    const entry = this.#byQuestion.get(item.question_id);
    if (!entry || !sameItem(entry.item, item)) return undefined;
    this.#byQuestion.delete(item.question_id);
    return entry.handles;
  }
}
