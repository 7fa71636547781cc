import { el } from './dom.js';
import { authored } from './question-text.js';

const TYPING_PAUSE_MS = 900;
const NOTHING = { selected_option: null, selected_options: null, value: null };

/**
 * Where an answer is given. `onGiven(given)` gets what `session.answer` takes, null when it is taken back. With
 * `onTyping(given)`, which hears of each letter, a typed answer is given when the candidate pauses or leaves the field;
 * without it each letter is.
 */
export class AnswerField {
  #type = null;
  #inputs = [];
  #timer = null;
  #typed = null;
  #describedBy;
  node = el('div', { class: 'options' });

  /** `describedBy`: id of the element that says what became of the answer. */
  constructor({ onGiven, onTyping = null, describedBy }) {
    Object.assign(this, { onGiven, onTyping });
    this.#describedBy = describedBy;
  }

  /** Puts the inputs of a question here; null while it is not here yet. */
  show(question) {
    this.flush();
    this.#type = question?.type ?? null;
    const rows = question ? this.#rows(question) : [];
    this.#inputs = rows.map(([input]) => input);
    const hint = this.#type === 'multiple_response' ? [el('p', { class: 'hint' }, 'Choose all that apply.')] : [];
    this.node.replaceChildren(...hint, ...rows.map(([, row]) => row));
  }

  /** Shows an answer, unless the candidate is typing another: what stands, or what was refused and is to be mended. */
  update(answer, { refused = false } = {}) {
    const { selected_option: option, selected_options: options, value } = { ...NOTHING, ...answer };
    for (const input of this.#inputs) {
      if (input.type === 'text') this.#updateText(input, value ?? '', refused);
      else input.checked = [option, ...(options ?? [])].includes(input.value);
    }
  }

  /** What was typed and not given yet is given now. */
  flush() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.onGiven(this.#typed);
  }

  focus() {
    this.#inputs[0]?.focus();
  }

  #updateText(input, value, refused) {
    if (this.#timer === null && document.activeElement !== input) input.value = value;
    if (refused) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }

  #rows(question) {
    const { options = [] } = question;
    return options.length ? options.map((option) => this.#option(option)) : [this.#text(question)];
  }

  #option({ id, ...option }) {
    const kind = this.#type === 'multiple_response' ? 'checkbox' : 'radio';
    const input = el('input', { type: kind, name: 'option', value: id, onchange: () => this.#chosen() });
    return [input, el('label', { class: 'option' }, input, el('span', {}, ...authored(option)))];
  }

  #chosen() {
    const ids = this.#inputs.filter((input) => input.checked).map((input) => input.value);
    if (this.#type === 'multiple_response') this.onGiven(ids.length ? { selected_options: ids } : null);
    else this.onGiven({ selected_option: ids[0] });
  }

  // No numeric keyboard: on some phones it has neither minus nor letters for a unit.
  #text({ type, unit }) {
    const input = el('input', {
      type: 'text',
      class: 'typed',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      maxlength: '4096',
      'aria-describedby': this.#describedBy,
      oninput: () => this.#typing(input),
      onchange: () => this.flush(),
      onkeydown: ({ key }) => key === 'Enter' && this.flush(),
    });
    const label = type === 'numeric' ? `Your answer, a number${unit ? ` in ${unit}` : ''}` : 'Your answer';
    return [input, el('label', { class: 'typed-label' }, label, input)];
  }

  #typing(input) {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#typed = input.value.trim() === '' ? null : { value: input.value };
    if (!this.onTyping) {
      this.onGiven(this.#typed);
      return;
    }
    this.onTyping(this.#typed);
    this.#timer = setTimeout(() => this.flush(), TYPING_PAUSE_MS);
  }
}
