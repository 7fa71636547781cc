import { el, setText } from './dom.js';
import { count } from './words.js';

const MOST_NAMED = 8;

/** All questions as numbered buttons, and the way to hand in. */
export class Overview {
  #buttons;
  #summary = el('p', { class: 'summary' });
  #heading = el('h2', { tabindex: '-1' }, 'All questions');

  constructor({ outline, isLinear, onGo, onHandIn }) {
    this.#buttons = outline.map(({ position }) =>
      el('button', { type: 'button', onclick: () => onGo(position) }, String(position)),
    );
    this.handIn = el('button', { type: 'button', class: 'hand-in', onclick: onHandIn }, 'Hand in …');
    this.node = el(
      'aside',
      { class: 'card overview', 'aria-label': 'Overview' },
      this.#heading,
      this.#summary,
      isLinear ? el('p', { class: 'hint' }, 'The questions come one after the other.') : null,
      el('ol', {}, ...this.#buttons.map((button) => el('li', {}, button))),
      key(),
      this.handIn,
    );
  }

  /**
   * `places`: per question `{position, current, answered, unsent, flagged, refused, unchecked}`, in the outline's
   * order; `canGo`: they may be opened.
   */
  update(places, { locked, canGo }) {
    places.forEach((place, at) => this.#mark(this.#buttons[at], place));
    for (const button of this.#buttons) button.disabled = !canGo;
    const answered = places.filter((place) => place.answered).length;
    const flagged = places.filter((place) => place.flagged).length;
    setText(this.#summary, `${answered} of ${places.length} answered${flagged ? `, ${flagged} flagged` : ''}`);
    this.handIn.disabled = locked;
  }

  focus() {
    this.node.scrollIntoView({ block: 'start' });
    this.#heading.focus({ preventScroll: true });
  }

  #mark(button, { position, current, answered, unsent, flagged, refused, unchecked }) {
    const words = [
      answered ? 'answered' : 'not answered',
      unsent && 'not yet sent',
      refused && 'not accepted',
      unchecked && 'not checked',
      flagged && 'flagged',
    ];
    const label = `Question ${position}, ${words.filter(Boolean).join(', ')}`;
    if (button.getAttribute('aria-label') !== label) button.setAttribute('aria-label', label);
    if (current) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
    Object.assign(button.dataset, { answered, unsent, flagged });
  }
}

/** "3 questions are unanswered: 2, 5 and 9." Without the numbers where they would be a wall. */
export function openSentence(places) {
  const open = places.filter((place) => !place.answered).map((place) => place.position);
  const more = [
    ['flagged', 'flagged'],
    ['refused', 'answered in a way that was not accepted'],
    ['unchecked', 'chosen, but not checked, and not counted like that'],
  ].map(([kind, words]) => marked(places.filter((place) => place[kind]), words));
  const which = open.length <= MOST_NAMED ? `: ${list(open)}` : '';
  const unanswered = `${count(open.length, 'question is', 'questions are')} unanswered${which}.`;
  return [open.length ? unanswered : 'You have answered all questions.', ...more].filter(Boolean).join(' ');
}

function marked(places, words) {
  if (places.length === 0) return '';
  const which = list(places.slice(0, MOST_NAMED).map((place) => place.position));
  const more = places.length > MOST_NAMED ? ' …' : '';
  return places.length === 1 ? `Question ${which} is ${words}.` : `Questions ${which}${more} are ${words}.`;
}

function list(positions) {
  return new Intl.ListFormat('en-GB').format(positions.map(String));
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
