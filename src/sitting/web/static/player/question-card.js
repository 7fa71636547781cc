import { el, setText } from './dom.js';
import { questionText } from './question-text.js';
import { count, number, sentence } from './words.js';

const NOT_HERE = 'This question is not on this device yet. It appears as soon as the connection is back.';

/**
 * One question with its options. Listeners: `onAnswer(questionId, optionId or null)`, `onFlag(questionId, flagged)`.
 */
export class QuestionCard {
  #question = null;
  #heading = el('h2', { tabindex: '-1', id: 'question-heading' });
  #meta = el('p', { class: 'meta' });
  #text = el('legend', { class: 'question-text' });
  #options = el('div', { class: 'options' });
  #saveState = el('p', { class: 'save-state', role: 'status' });
  #clear = el(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Clear answer', onclick: () => this.#answer(null) },
    'Clear',
  );
  #flag = el(
    'button',
    { type: 'button', class: 'quiet flag', 'aria-pressed': 'false', onclick: () => this.#toggleFlag() },
    'Flag',
  );
  #fieldset = el('fieldset', {}, this.#text, this.#options);

  constructor({ onAnswer, onFlag, durable }) {
    Object.assign(this, { onAnswer, onFlag, durable });
    this.node = el(
      'section',
      { class: 'card question', 'aria-labelledby': 'question-heading' },
      el('div', { class: 'question-head' }, el('div', {}, this.#heading, this.#meta), this.#flag),
      this.#fieldset,
      el('div', { class: 'under' }, this.#saveState, this.#clear),
    );
  }

  /** Puts a question on the card; `data` is null while it is not here yet. */
  show(data, { position, total }) {
    this.#question = data;
    setText(this.#heading, `Question ${position} of ${total}`);
    const { text = '', options = [], skill, points } = data?.question ?? {};
    setText(this.#meta, [skill, points && count(number(points), 'point')].filter(Boolean).join(' · '));
    this.#text.replaceChildren(...questionText(data ? text : NOT_HERE));
    this.#options.replaceChildren(...options.map((option) => this.#option(option)));
  }

  /** The question on the card, null while it is not here yet. */
  get questionId() {
    return this.#question?.question_id ?? null;
  }

  /** What stands about the answer; `live`: there is a connection. */
  update({ answer, flagged, live, locked }) {
    for (const input of this.#options.querySelectorAll('input')) input.checked = input.value === answer.selected_option;
    const isHere = this.#question !== null;
    this.#fieldset.disabled = locked || !isHere;
    this.#clear.disabled = locked || answer.selected_option === null;
    this.#flag.disabled = locked || !isHere;
    this.#flag.setAttribute('aria-pressed', String(flagged));
    setText(this.#flag, flagged ? 'Flagged' : 'Flag');
    const [kind, words] = isHere ? this.#words(answer, live) : ['none', ''];
    this.#saveState.dataset.kind = kind;
    setText(this.#saveState, words);
  }

  /** Brings the question into view, and its number to who listens. */
  focus() {
    this.#heading.focus();
  }

  #words({ status, selected_option, refusal }, live) {
    if (status === 'pending' && live) return ['busy', 'Saving …'];
    if (status === 'pending')
      return ['warn', `Kept ${this.durable() ? 'on this device' : 'in this window'}, not yet sent`];
    if (status === 'refused') return ['bad', sentence(refusal, 'Not accepted; please choose again.')];
    if (status === 'saved') return ['good', selected_option === null ? 'Cleared and saved' : 'Saved'];
    return ['none', 'Not answered yet'];
  }

  #option({ id, text }) {
    const input = el('input', { type: 'radio', name: 'option', value: id, onchange: () => this.#answer(id) });
    return el('label', { class: 'option' }, input, el('span', {}, text));
  }

  #answer(option) {
    this.onAnswer(this.#question.question_id, option);
    if (option === null) this.#options.querySelector('input')?.focus();
  }

  #toggleFlag() {
    this.onFlag(this.#question.question_id, this.#flag.getAttribute('aria-pressed') !== 'true');
  }
}
