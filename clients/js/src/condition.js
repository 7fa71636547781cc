/** Waiting until `test()` holds. It is tested when asked for and whenever somebody calls `changed()`. */
export class Condition {
  #waiting = new Set();

  constructor(test) {
    this.test = test;
  }

  /** Resolves with true once it holds, with false after `timeout` milliseconds or when it is given up. */
  wait(timeout) {
    if (this.test()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(false), timeout);
      const end = (holds) => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve(holds);
      };
      this.#waiting.add(end);
    });
  }

  changed() {
    if (this.#waiting.size > 0 && this.test()) this.#endAll(true);
  }

  giveUp() {
    this.#endAll(false);
  }

  #endAll(holds) {
    for (const end of [...this.#waiting]) end(holds);
  }
}
