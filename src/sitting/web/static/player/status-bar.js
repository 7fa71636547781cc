import { el, setText } from './dom.js';
import { clockTime } from './words.js';

const SOON_SECONDS = 300;
const LINK_WORDS = {
  live: 'Connected',
  connecting: 'Connecting …',
  reconnecting: 'No connection, retrying',
};

/** Remaining time and connection, always in sight. */
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
  node = el('div', { class: 'status-bar' }, this.#timer, this.#link);

  update({ remainingSeconds, paused, state }) {
    this.#timer.dataset.kind = remainingSeconds !== null && remainingSeconds <= SOON_SECONDS ? 'soon' : 'calm';
    if (remainingSeconds === null) setText(this.#value, 'no limit');
    else setText(this.#value, paused ? `${clockTime(remainingSeconds)} (paused)` : clockTime(remainingSeconds));
    this.#link.dataset.state = state;
    setText(this.#link, LINK_WORDS[state] ?? '');
  }
}
