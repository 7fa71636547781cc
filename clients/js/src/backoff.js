/**
 * Exponential backoff with full jitter: after a cohort loses its Wi-Fi everybody comes back at once,
 * and a random delay over the whole range spreads them better than a fixed one with some noise.
 *
 * All times are milliseconds.
 */
export class Backoff {
  #failures = 0;
  #connectedAt = null;

  constructor({ base = 500, cap = 20_000, stableAfter = 10_000, random = Math.random, now = monotonicNow } = {}) {
    Object.assign(this, { base, cap, stableAfter, random, now });
  }

  /** A connection stands. It only counts as a success once it has lasted `stableAfter`. */
  connected() {
    this.#connectedAt = this.now();
  }

  /** The delay before the next attempt; `atLeast` raises the exponent where the server asked for more patience. */
  next(atLeast = 0) {
    if (this.#connectedAt !== null && this.now() - this.#connectedAt >= this.stableAfter) this.reset();
    this.#connectedAt = null;
    const ceiling = Math.min(this.cap, this.base * 2 ** Math.max(this.#failures, atLeast));
    this.#failures += 1;
    return this.random() * ceiling;
  }

  reset() {
    this.#failures = 0;
  }
}

function monotonicNow() {
  return performance.now();
}
