import { el, setText } from './dom.js';

const CLOSES = 'You cannot come back to this question.';
const CLOSES_OPEN = 'Not answered. You cannot come back to it.';

/** Back and on, and what that means where questions come one after the other. */
export class Steps {
  #note = el('p', { class: 'steps-note', id: 'steps-note' });
  #previous;
  #next;
  node;

  constructor({ isLinear, onPrevious, onNext }) {
    this.isLinear = isLinear;
    const back = { type: 'button', class: 'quiet', hidden: isLinear, onclick: onPrevious };
    this.#previous = el('button', back, 'Previous');
    this.#next = el('button', { type: 'button', 'aria-describedby': 'steps-note', onclick: onNext }, 'Next');
    this.node = el('nav', { class: 'steps', 'aria-label': 'Questions' }, this.#note, this.#previous, this.#next);
  }

  /** The next question is on its way. */
  set busy(busy) {
    this.#next.setAttribute('aria-busy', String(busy));
    this.#next.disabled = busy;
  }

  /** `place`: the question as the overview has it; `last`: none is behind it; `checks`: answers are checked first. */
  update({ position, answered }, { last, checks }) {
    this.#next.classList.toggle('quiet', checks && !answered);
    this.#previous.disabled = position <= 1;
    setText(this.#next, last ? 'Overview' : 'Next');
    setText(this.#note, this.isLinear && !last ? (answered ? CLOSES : CLOSES_OPEN) : '');
    this.#note.hidden = !this.#note.textContent;
  }
}
