import { el, setText } from './dom.js';

const OWN =
  'The clock stands still, and the questions are covered. ' +
  'When your time for breaks is used up, the test goes on by itself.';
const BY_STAFF = 'The clock stands still. The test goes on when an invigilator says so; leave this page open.';

/** What stands in place of the question while the clock stands still. `onGoOn()`: the candidate ends the break. */
export class PausePanel {
  #heading = el('h2', { tabindex: '-1' });
  #reason = el('p', { class: 'reason' });
  #text = el('p');
  #goOn;
  node;

  constructor({ onGoOn }) {
    this.#goOn = el('button', { type: 'button', onclick: onGoOn }, 'Go on with the test');
    const parts = [this.#heading, this.#reason, this.#text, this.#goOn];
    this.node = el('section', { class: 'card pause', hidden: true }, ...parts);
  }

  /** `own`: it is a break of the candidate; `reason`: what an invigilator says, or null. */
  update({ own, reason, live }) {
    setText(this.#heading, own ? 'You are on a break' : 'The test is paused');
    setText(this.#reason, own ? '' : (reason ?? ''));
    this.#reason.hidden = own || !reason;
    setText(this.#text, own ? OWN : BY_STAFF);
    this.#goOn.hidden = !own;
    this.#goOn.disabled = !live;
  }

  focus() {
    this.#heading.focus();
  }
}
