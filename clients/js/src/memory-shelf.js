import { sameItem } from './item.js';
import { randomId } from './random-id.js';

/** What this tab did, as Maps: a mirror of the disk, and its stand-in where there is none. */
export class MemoryShelf {
  #clientId = randomId(); // its own: the counter on the disk belongs to another
  #clientSeq = 0;
  #items = new Map();
  #versions = new Map();

  number(answer) {
    this.#clientSeq += 1;
    const baseSeq = this.#versions.get(key(answer)) ?? 0;
    return { ...answer, client_id: this.#clientId, client_seq: this.#clientSeq, base_seq: baseSeq };
  }

  keep(item) {
    this.#items.set(key(item), item);
    return item;
  }

  pending(assessmentId) {
    return [...this.#items.values()].filter((item) => item.assessment_id === assessmentId);
  }

  settle(item, seq) {
    const kept = this.#items.get(key(item));
    if (kept && sameItem(kept, item)) this.#items.delete(key(item));
    if (seq) this.learn(item.assessment_id, [{ question_id: item.question_id, seq }]);
  }

  learn(assessmentId, versions) {
    for (const { question_id, seq } of versions) {
      const at = key({ assessment_id: assessmentId, question_id });
      this.#versions.set(at, Math.max(seq, this.#versions.get(at) ?? 0));
    }
  }

  renew() {
    this.#clientId = randomId();
  }

  forget(assessmentId) {
    for (const map of [this.#items, this.#versions]) {
      for (const at of map.keys()) if (at.startsWith(`${assessmentId} `)) map.delete(at);
    }
  }
}

function key({ assessment_id, question_id }) {
  return `${assessment_id} ${question_id}`;
}
