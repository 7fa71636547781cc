// Two messages disagreeing by more than this tell of a changed deadline, by less of a slow network.
const DEADLINE_MOVED_SECONDS = 2;
// A device that slept: the wall clock went on and the monotonic one did not (or the other way round).
const JUMP_MS = 2_000;

/**
 * Time as the server sees it, kept going by the monotonic clock. The device's wall clock may be wrong
 * by hours, or be changed during the test: it is never used to tell how much time is left.
 */
export class ServerClock {
  #remaining = null; // {seconds, at}
  #server = null; // {ms, at}
  #frozen = null; // seconds left while the assessment is paused
  #wallOffset;

  constructor({ now = () => performance.now(), wall = () => Date.now() } = {}) {
    this.now = now;
    this.wall = wall;
    this.#wallOffset = wall() - now();
  }

  /**
   * Learn from a message's data. `fresh`: the message is about the deadline itself (start, resume, a change),
   * so it replaces what was known even if it says null, which means untimed.
   */
  sync({ server_time: serverTime, remaining_seconds: seconds }, { fresh = false } = {}) {
    const at = this.now();
    if (serverTime) this.#server = { ms: Date.parse(serverTime), at };
    if (fresh) this.#frozen = null;
    if (seconds === undefined || (seconds === null && !fresh)) return;
    if (fresh || this.#isBetter(seconds, at)) this.#remaining = seconds === null ? null : { seconds, at };
  }

  /** The time stands still until unpause(), or the next message that is about the deadline. */
  pause() {
    this.#frozen = this.remainingSeconds();
  }

  unpause() {
    if (this.#frozen !== null) this.#remaining = { seconds: this.#frozen, at: this.now() };
    this.#frozen = null;
  }

  /** Seconds until the deadline, never below zero; null if there is none. */
  remainingSeconds() {
    if (this.#frozen !== null) return this.#frozen;
    if (this.#remaining === null) return null;
    return Math.max(0, this.#at(this.now()));
  }

  /** The server's time as a Date; null before the first message that carried it. */
  serverNow() {
    return this.#server && new Date(this.#server.ms + this.now() - this.#server.at);
  }

  /** Whether wall and monotonic clock parted since the last call: then neither is trusted and the server is asked. */
  jumped() {
    const offset = this.wall() - this.now();
    const parted = Math.abs(offset - this.#wallOffset) > JUMP_MS;
    this.#wallOffset = offset;
    return parted;
  }

  #at(now) {
    return this.#remaining.seconds - (now - this.#remaining.at) / 1000;
  }

  // A message that was long under way promises too much time, never too little: the lower figure is the better one.
  #isBetter(seconds, at) {
    if (this.#remaining === null) return true;
    const more = seconds - this.#at(at);
    return more < 0 || more > DEADLINE_MOVED_SECONDS;
  }
}
