import { el, setText } from './dom.js';
import { count, sentence } from './words.js';

/** Asks before handing in, and says what keeps it from happening. `complete()` hands in. */
export class HandInDialog {
  #text = el('p');
  #note = el('p', { class: 'note warn', role: 'alert', hidden: true });
  #back = el('button', { type: 'button', class: 'quiet', onclick: () => this.node.close() }, 'Back to the questions');
  #go = el('button', { type: 'button', onclick: () => this.#handIn() }, 'Hand in now');
  #busy = false;

  constructor({ complete }) {
    this.complete = complete;
    this.node = el(
      'dialog',
      { 'aria-labelledby': 'hand-in-title' },
      el(
        'article',
        {},
        el('h2', { id: 'hand-in-title' }, 'Hand in the test?'),
        this.#text,
        this.#note,
        el('footer', {}, this.#back, this.#go),
      ),
    );
    this.node.addEventListener('cancel', (event) => this.#busy && event.preventDefault());
  }

  /** Opens it; `text`: what is still open. */
  ask(text) {
    this.say(text);
    this.#note.hidden = true;
    this.node.showModal();
  }

  /** What is still open has changed. */
  say(text) {
    setText(this.#text, `${text} After handing in, nothing can be changed.`);
  }

  async #handIn() {
    this.#setBusy(true);
    try {
      await this.complete();
      this.node.close();
    } catch (error) {
      this.#note.textContent = words(error);
      this.#note.hidden = false;
    }
    this.#setBusy(false);
  }

  #setBusy(busy) {
    this.#busy = busy;
    if (busy) this.#note.hidden = true;
    this.#back.disabled = this.#go.disabled = busy;
    this.#go.setAttribute('aria-busy', String(busy));
    setText(this.#go, busy ? 'Handing in …' : 'Hand in now');
  }
}

function words(error) {
  const nothing = 'Nothing was handed in. Please check your connection and try again.';
  if (error.code === 'unsent_answers') return `${count(error.count, 'answer')} could not be sent yet. ${nothing}`;
  if (error.code === 'connection_lost') return `There is no connection. ${nothing}`;
  return sentence(error.code, error.message);
}
