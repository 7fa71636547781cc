import { el, setText } from './dom.js';
import { count } from './words.js';

const MOST_NAMED = 8;

/** All questions as numbered buttons, and the way to hand in. */
export class Overview {
  #buttons;
  #summary = el('p', { class: 'summary' });
  #heading = el('h2', { tabindex: '-1' }, 'All questions');

  constructor({ outline, onGo, onHandIn }) {
    this.#buttons = outline.map(({ position }) =>
      el('button', { type: 'button', onclick: () => onGo(position) }, String(position)),
    );
    this.handIn = el('button', { type: 'button', class: 'hand-in', onclick: onHandIn }, 'Hand in …');
    this.node = el(
      'aside',
      { class: 'card overview', 'aria-label': 'Overview' },
      this.#heading,
      this.#summary,
      el('ol', {}, ...this.#buttons.map((button) => el('li', {}, button))),
      key(),
      this.handIn,
    );
  }

  /** `places`: per question `{position, current, answered, unsent, flagged}`, in the outline's order. */
  update(places, { locked }) {
    places.forEach((place, at) => this.#mark(this.#buttons[at], place));
    const answered = places.filter((place) => place.answered).length;
    const flagged = places.filter((place) => place.flagged).length;
    setText(this.#summary, `${answered} of ${places.length} answered${flagged ? `, ${flagged} flagged` : ''}`);
    this.handIn.disabled = locked;
  }

  focus() {
    this.node.scrollIntoView({ block: 'start' });
    this.#heading.focus({ preventScroll: true });
  }

  #mark(button, { position, current, answered, unsent, flagged }) {
    const words = [answered ? 'answered' : 'not answered', unsent && 'not yet sent', flagged && 'flagged'].filter(
      Boolean,
    );
    const label = `Question ${position}, ${words.join(', ')}`;
    if (button.getAttribute('aria-label') !== label) button.setAttribute('aria-label', label);
    if (current) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
    Object.assign(button.dataset, { answered, unsent, flagged });
  }
}

/** "3 questions are unanswered: 2, 5 and 9." Without the numbers where they would be a wall. */
export function openSentence(places) {
  const open = places.filter((place) => !place.answered).map((place) => place.position);
  const flagged = places.filter((place) => place.flagged).length;
  const marked = flagged ? ` ${count(flagged, 'question is', 'questions are')} flagged.` : '';
  if (open.length === 0) return `You have answered all questions.${marked}`;
  const which = open.length <= MOST_NAMED ? `: ${new Intl.ListFormat('en-GB').format(open.map(String))}` : '';
  return `${count(open.length, 'question is', 'questions are')} unanswered${which}.${marked}`;
}

function key() {
  const entry = (data, words) => el('li', {}, el('span', { class: 'swatch', ...data }), words);
  return el(
    'ul',
    { class: 'key', 'aria-hidden': 'true' },
    entry({ 'data-answered': 'true' }, 'answered'),
    entry({ 'data-flagged': 'true' }, 'flagged'),
    entry({ 'data-answered': 'true', 'data-unsent': 'true' }, 'not yet sent'),
  );
}
