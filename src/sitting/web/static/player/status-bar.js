import { el, setText } from './dom.js';
import { clockTime } from './words.js';

const SOON_SECONDS = 300;
const LINK_WORDS = {
  live: 'Connected',
  connecting: 'Connecting …',
  reconnecting: 'No connection, retrying',
};

/** Remaining time and connection, always in sight; where the candidate may take breaks, also the button for them. */
export class StatusBar {
  #value = el('span', { class: 'value' });
  // A timer is not read out each second; the announcements at the warnings are.
  #timer = el(
    'p',
    { class: 'timer', role: 'timer', 'aria-live': 'off' },
    el('span', { class: 'label' }, 'Time left'),
    this.#value,
  );
  #link = el('p', { class: 'link', role: 'status' });
  #break;
  node;

  /** `onBreak()`: begin a break; null where there are none. */
  constructor({ onBreak }) {
    this.#break = onBreak && el('button', { type: 'button', class: 'quiet break', onclick: onBreak }, 'Take a break');
    this.node = el('div', { class: 'status-bar' }, this.#timer, this.#break, this.#link);
  }

  update({ remainingSeconds, paused, state }) {
    this.#timer.dataset.kind = remainingSeconds !== null && remainingSeconds <= SOON_SECONDS ? 'soon' : 'calm';
    if (remainingSeconds === null) setText(this.#value, 'no limit');
    else setText(this.#value, paused ? `${clockTime(remainingSeconds)} (paused)` : clockTime(remainingSeconds));
    if (this.#break) {
      this.#break.hidden = paused;
      this.#break.disabled = state !== 'live';
    }
    this.#link.dataset.state = state;
    setText(this.#link, LINK_WORDS[state] ?? '');
  }
}
