import { AnswerField } from './answer-field.js';
import { el, setText } from './dom.js';
import { feedbackNote } from './feedback.js';
import { authored } from './question-text.js';
import { count, number, sentence } from './words.js';

const NOT_HERE = 'This question is not on this device yet. It appears as soon as the connection is back.';
const NOT_TAKEN = 'Not accepted. Please check your answer.';
const TO_MEND = 'invalid_answer'; // a refusal behind which the candidate tries again

/**
 * One question with the place for its answer. Listeners: `onAnswer(questionId, given)`, null takes back,
 * `onTyping(questionId, given)`, and `onFlag(questionId, flagged)`. With `unchecked` (see unchecked.js) an answer is
 * final, since feedback follows and closes the question: it is given by a button, not by the first click, of which
 * `onChosen()` hears.
 */
export class QuestionCard {
  #question = null;
  #draft = null;
  #commented = null;
  #heading = el('h2', { tabindex: '-1', id: 'question-heading' });
  #meta = el('p', { class: 'meta' });
  #text = el('div', { class: 'question-text', id: 'question-text' });
  #field;
  #feedback = el('div', { class: 'comment', role: 'status', tabindex: '-1' });
  #saveState = el('p', { class: 'save-state', id: 'save-state', role: 'status' });
  #check = el('button', { type: 'button', onclick: () => this.#checked() }, 'Check answer');
  #clear = el(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Clear answer', onclick: () => this.#takeBack() },
    'Clear',
  );
  #flag = el(
    'button',
    { type: 'button', class: 'quiet flag', 'aria-pressed': 'false', onclick: () => this.#toggleFlag() },
    'Flag',
  );
  #fieldset;

  constructor({ onAnswer, onTyping, onChosen, onFlag, durable, unchecked = null }) {
    Object.assign(this, { onAnswer, onTyping, onChosen, onFlag, durable, unchecked });
    this.#field = new AnswerField({
      onGiven: (given) => this.#given(given),
      onTyping: unchecked ? null : (given) => this.#question && onTyping(this.questionId, given),
      describedBy: 'save-state',
    });
    this.#fieldset = el('fieldset', { 'aria-labelledby': 'question-text' }, this.#field.node);
    this.node = el(
      'section',
      { class: 'card question', 'aria-labelledby': 'question-heading' },
      el('div', { class: 'question-head' }, el('div', {}, this.#heading, this.#meta), this.#flag),
      this.#text,
      this.#fieldset,
      el('div', { class: 'under' }, this.#saveState, unchecked ? this.#check : this.#clear),
      this.#feedback,
    );
  }

  /** Puts a question on the card; `data` is null while it is not here yet. */
  show(data, { position, total }) {
    this.flush();
    this.#question = data;
    this.#draft = this.unchecked?.get(this.questionId) ?? null;
    this.#comment(null);
    setText(this.#heading, `Question ${position} of ${total}`);
    const question = data?.question ?? { text: NOT_HERE };
    const { skill, points } = question;
    setText(this.#meta, [skill, points && count(number(points), 'point')].filter(Boolean).join(' · '));
    this.#text.replaceChildren(...authored(question));
    this.#field.show(data?.question ?? null);
    if (this.#draft) this.#field.update(this.#draft);
  }

  /** The question on the card, null while it is not here yet. */
  get questionId() {
    return this.#question?.question_id ?? null;
  }

  /** What stands about the answer; `live`: there is a connection; `feedback`: what was said about it, or null. */
  update({ answer, feedback, flagged, live, locked }) {
    const isHere = this.#question !== null;
    const isClosed = this.#isClosed(answer, feedback);
    if (isClosed) this.#setDraft(null);
    if (!this.#draft) this.#showAnswer(answer);
    this.#fieldset.disabled = locked || !isHere || isClosed;
    this.#check.disabled = locked || !isHere || !this.#draft;
    this.#check.hidden = isClosed;
    this.#clear.disabled = locked || (isCleared(answer) && answer.refusal?.code !== TO_MEND);
    this.#flag.disabled = locked || !isHere;
    this.#flag.setAttribute('aria-pressed', String(flagged));
    setText(this.#flag, flagged ? 'Flagged' : 'Flag');
    this.#comment(feedback);
    const [kind, words] = isHere ? this.#words(answer, live) : ['none', ''];
    this.#saveState.dataset.kind = kind;
    setText(this.#saveState, words);
  }

  /** Brings the question into view, and its number to who listens. */
  focus() {
    this.#heading.focus();
  }

  /** What was typed and not sent yet is sent. */
  flush() {
    this.#field.flush();
  }

  // Also while the server has not said anything yet: what was given cannot be changed.
  #isClosed(answer, feedback) {
    return Boolean(this.unchecked) && (feedback !== null || (!isCleared(answer) && answer.refusal?.code !== TO_MEND));
  }

  #showAnswer(answer) {
    const refused = answer.refusal?.code === TO_MEND;
    this.#field.update(refused ? answer.refusal.given : answer, { refused });
  }

  // Only when it changed: a status region is read out whenever something is put into it.
  #comment(feedback) {
    if (feedback === this.#commented) return;
    this.#commented = feedback;
    this.#feedback.replaceChildren(...feedbackNote(feedback, this.#question?.question));
    if (feedback && document.activeElement === this.#feedback) this.#feedback.scrollIntoView({ block: 'nearest' });
  }

  #words({ status, refusal, ...answer }, live) {
    if (status === 'pending' && live) return ['busy', 'Saving …'];
    if (status === 'pending')
      return ['warn', `Kept ${this.durable() ? 'on this device' : 'in this window'}, not yet sent`];
    if (this.#draft) return ['none', 'Not given yet'];
    if (status === 'refused') return ['bad', sentence(refusal.code, refusal.message ?? NOT_TAKEN)];
    if (status === 'saved') return ['good', isCleared(answer) ? 'Cleared and saved' : 'Saved'];
    return ['none', 'Not answered yet'];
  }

  #given(given) {
    if (!this.#question) return;
    if (!this.unchecked) {
      this.#answer(given);
      return;
    }
    this.#setDraft(given);
    this.onChosen();
  }

  #setDraft(given) {
    if (this.#draft === given) return;
    this.#draft = given;
    this.unchecked.set(this.questionId, given);
  }

  // The button and the answer are disabled now; what is said about it comes where the focus goes.
  #checked() {
    const given = this.#draft;
    this.#setDraft(null);
    this.#answer(given);
    this.#feedback.focus();
  }

  #answer(given) {
    this.onAnswer(this.questionId, given);
  }

  #takeBack() {
    this.#answer(null);
    this.#field.focus();
  }

  #toggleFlag() {
    this.onFlag(this.questionId, this.#flag.getAttribute('aria-pressed') !== 'true');
  }
}

function isCleared({ selected_option: option, selected_options: options, value }) {
  return option === null && options === null && value === null;
}
