import { sameItem } from './item.js';
import { randomId } from './random-id.js';

const OPEN_TIMEOUT_MS = 3_000;
const BOTH = ['assessment_id', 'question_id'];

/** The IndexedDB database `sitting`: this installation's identity and counter, pending items, known versions. */
export class DiskShelf {
  #db;

  static async open({ indexedDB = globalThis.indexedDB, name = 'sitting' } = {}) {
    if (!indexedDB) throw new Error('This browser has no IndexedDB.');
    const shelf = new DiskShelf(await openDatabase(indexedDB, name));
    await shelf.#ensureInstallation();
    return shelf;
  }

  constructor(db) {
    this.#db = db;
    // A newer page wants to change the layout: do not stand in its way.
    db.onversionchange = () => db.close();
  }

  /** Draws the number and stores the item in one transaction, so that no two tabs ever hold the same number. */
  put(answer) {
    return this.#write(['installation', 'pending', 'versions'], async (stores) => {
      const installation = await got(stores.installation.get('this'));
      const version = await got(stores.versions.get(place(answer)));
      installation.client_seq += 1;
      const { client_id, client_seq } = installation;
      const item = { ...answer, client_id, client_seq, base_seq: version?.seq ?? 0 };
      stores.installation.put(installation, 'this');
      stores.pending.put(item);
      return item;
    });
  }

  pending(assessmentId) {
    return this.#write(['pending'], (stores) => got(stores.pending.getAll(within(assessmentId))), 'readonly');
  }

  settle(item, seq) {
    return this.#write(['pending', 'versions'], async ({ pending, versions }) => {
      const kept = await got(pending.get(place(item)));
      if (kept && sameItem(kept, item)) pending.delete(place(item));
      if (seq) await raise(versions, { assessment_id: item.assessment_id, question_id: item.question_id, seq });
    });
  }

  learn(assessmentId, list) {
    return this.#write(['versions'], async ({ versions }) => {
      for (const { question_id, seq } of list) await raise(versions, { assessment_id: assessmentId, question_id, seq });
    });
  }

  renew() {
    return this.#write(['installation'], async ({ installation }) => {
      const { client_seq } = await got(installation.get('this'));
      installation.put({ client_id: randomId(), client_seq }, 'this');
    });
  }

  forget(assessmentId) {
    return this.#write(['pending', 'versions'], async ({ pending, versions }) => {
      pending.delete(within(assessmentId));
      versions.delete(within(assessmentId));
    });
  }

  #ensureInstallation() {
    return this.#write(['installation'], async ({ installation }) => {
      if (!(await got(installation.get('this')))) installation.put({ client_id: randomId(), client_seq: 0 }, 'this');
    });
  }

  #write(names, work, mode = 'readwrite') {
    return new Promise((resolve, reject) => {
      // 'strict': the browser says "done" only when the disk has it.
      const transaction = this.#db.transaction(names, mode, { durability: 'strict' });
      const stores = Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]));
      const result = work(stores);
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error ?? new Error('The browser gave the transaction up.'));
      result.catch((error) => {
        reject(error);
        if (!transaction.error) transaction.abort(); // half of the work must not stand
      });
    });
  }
}

function openDatabase(indexedDB, name) {
  return new Promise((resolve, reject) => {
    // Some browsers neither open nor refuse in private windows.
    const timer = setTimeout(() => reject(new Error('IndexedDB does not answer.')), OPEN_TIMEOUT_MS);
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('installation');
      request.result.createObjectStore('pending', { keyPath: BOTH });
      request.result.createObjectStore('versions', { keyPath: BOTH });
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error);
    };
  });
}

function got(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Tabs hear of versions in any order; the highest is the one that an answer typed now is typed over.
async function raise(versions, row) {
  const known = await got(versions.get(place(row)));
  if (!known || known.seq < row.seq) versions.put(row);
}

function place({ assessment_id, question_id }) {
  return [assessment_id, question_id];
}

// All keys [assessmentId, …]: an empty array sorts behind every string.
function within(assessmentId) {
  return IDBKeyRange.bound([assessmentId], [assessmentId, []]);
}
