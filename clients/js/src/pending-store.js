import { DiskShelf } from './disk-shelf.js';
import { Drafts } from './drafts.js';
import { givenOf } from './item.js';
import { MemoryShelf } from './memory-shelf.js';

const PATIENCE_MS = 3_000;

/**
 * Answers that the server has not confirmed yet, kept in IndexedDB so that a reload or a crash loses none.
 *
 * An item is what goes on the wire plus its assessment:
 * `{assessment_id, question_id, client_id, client_seq, base_seq}` and what was given (see item.js).
 *
 * Only the newest item per question is kept. That is safe because versions of one installation are ordered by
 * `client_seq`: the server would let the newer one win whichever arrives first, so the older one can have no
 * effect; and one counter, drawn in the transaction that stores the item, makes the order the same in all tabs.
 */
export class PendingStore {
  #disk;
  #memory = new MemoryShelf();
  #drafts;

  /** Opens IndexedDB; where that is impossible (private windows, policies) keeps things in memory and says so. */
  static async open(options = {}) {
    const drafts = Drafts.open(options);
    try {
      return new PendingStore(await DiskShelf.open(options), null, PATIENCE_MS, drafts);
    } catch (error) {
      return new PendingStore(null, error, PATIENCE_MS, drafts);
    }
  }

  constructor(disk = null, problem = null, patience = PATIENCE_MS, drafts = new Drafts()) {
    this.#disk = disk;
    this.#drafts = drafts;
    this.problem = problem;
    this.patience = patience;
  }

  /** Whether pending answers survive a reload. May turn false when the disk fails. */
  get durable() {
    return this.#disk !== null;
  }

  /** Stores an answer and returns its item, with a fresh `client_seq` and the `base_seq` that it was typed over. */
  async put(assessmentId, questionId, given) {
    const answer = { assessment_id: assessmentId, question_id: questionId, ...givenOf(given) };
    const item = await this.#onDisk((disk) => disk.put(answer));
    if (item) this.#drafts.drop(assessmentId, questionId, given);
    return this.#memory.keep(item ?? this.#memory.number(answer));
  }

  /** Keeps at once what is being typed: whoever asks for `pending` next, also after a reload, gets it as an answer. */
  draft(assessmentId, questionId, given) {
    this.#drafts.keep(assessmentId, questionId, given);
  }

  /** Pending items of an assessment, oldest first. */
  async pending(assessmentId) {
    await this.#adopt(assessmentId);
    const items = (await this.#onDisk((disk) => disk.pending(assessmentId))) ?? this.#memory.pending(assessmentId);
    return items.sort((a, b) => a.client_seq - b.client_seq);
  }

  /**
   * The server has decided about this item: forget it, unless a newer answer took its place.
   * `seq` is the version as which it was stored, null if it was not.
   */
  async settle(item, seq = null) {
    this.#memory.settle(item, seq);
    this.#drafts.drop(item.assessment_id, item.question_id, item);
    await this.#onDisk((disk) => disk.settle(item, seq));
  }

  /** The server's stored versions `[{question_id, seq}]`, which later answers are typed over. */
  async learn(assessmentId, versions) {
    this.#memory.learn(assessmentId, versions);
    await this.#onDisk((disk) => disk.learn(assessmentId, versions));
  }

  /** A new identity for later answers, when the server knows our numbers from somebody else (a copied profile). */
  async renew() {
    this.#memory.renew();
    await this.#onDisk((disk) => disk.renew());
  }

  /** An assessment is over and nothing of it is pending. */
  async forget(assessmentId) {
    this.#memory.forget(assessmentId);
    await this.#onDisk((disk) => disk.forget(assessmentId));
  }

  // Before versions are learned: a draft was typed over what this installation knew then, not over what others did
  // since.
  async #adopt(assessmentId) {
    for (const { question_id: questionId, given } of this.#drafts.all(assessmentId)) {
      await this.put(assessmentId, questionId, given);
      this.#drafts.drop(assessmentId, questionId, given);
    }
  }

  // The memory knows all that this tab did, so when the disk fails in the middle nothing of it is missing. A disk
  // that neither works nor fails must not hold answers back: what it does later is overtaken by then, and harmless.
  async #onDisk(work) {
    if (!this.#disk) return undefined;
    let timer;
    const tired = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('IndexedDB does not answer.')), this.patience);
    });
    try {
      return await Promise.race([work(this.#disk), tired]);
    } catch (error) {
      this.#disk = null;
      this.problem = error;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
