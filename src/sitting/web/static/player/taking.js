import { announcer, el, setText } from './dom.js';
import { HandInDialog } from './hand-in.js';
import { Overview, openSentence } from './overview.js';
import { QuestionCard } from './question-card.js';
import { StatusBar } from './status-bar.js';
import { duration, sentence } from './words.js';

const AHEAD = 3; // questions fetched before they are asked for, so that a short outage does not stop the candidate
const TIME_IS_UP = 'Time is up. Your answers are being handed in …';
const TIME_IS_UP_OFFLINE = 'Time is up. There is no connection; the server hands in what has reached it.';
const LISTENED = ['state', 'saved', 'progress', 'paused', 'problem', 'time', 'warning'];

/** The test itself, over a session that is live. */
export class Taking {
  #session;
  #position;
  #placeholder = false;
  #bar = new StatusBar();
  #card;
  #overview;
  #dialog;
  #notice = el('span', { role: 'status' });
  #toast = el(
    'div',
    { class: 'toast', hidden: true },
    this.#notice,
    el(
      'button',
      {
        type: 'button',
        class: 'quiet',
        onclick: () => {
          this.#toast.hidden = true;
        },
      },
      'Close',
    ),
  );
  #timeWasUp = false;
  #announcer = announcer();
  #previous = el('button', { type: 'button', class: 'quiet', onclick: () => this.#go(this.#position - 1) }, 'Previous');
  #next = el('button', { type: 'button', onclick: () => this.#forward() }, 'Next');
  #unlisten = new AbortController();

  constructor({ session, store }) {
    this.#session = session;
    this.#card = new QuestionCard({
      durable: () => store.durable,
      onAnswer: (questionId, option) => this.#answer(questionId, option),
      onFlag: (questionId, flagged) => {
        session.flag(questionId, flagged);
        this.#update();
      },
    });
    this.#overview = new Overview({
      outline: session.outline,
      onGo: (position) => this.#go(position),
      onHandIn: () => this.#ask(),
    });
    this.#dialog = new HandInDialog({ complete: () => session.complete() });
    this.node = el(
      'div',
      { class: 'taking' },
      el('h1', { class: 'unseen' }, session.assessment.test_name),
      this.#bar.node,
      el(
        'div',
        { class: 'desk' },
        el(
          'div',
          { class: 'sheet' },
          this.#card.node,
          el('nav', { class: 'steps', 'aria-label': 'Questions' }, this.#previous, this.#next),
        ),
        this.#overview.node,
      ),
      this.#toast,
      this.#dialog.node,
      this.#announcer.node,
    );
    for (const type of LISTENED) session.addEventListener(type, this.#heard, { signal: this.#unlisten.signal });
    this.#go(this.#firstPosition(), { focus: false });
  }

  focus() {
    this.#card.focus();
  }

  leave() {
    this.#unlisten.abort();
    this.#dialog.node.close();
  }

  #heard = ({ type, detail }) => {
    if (type === 'warning') this.#warn(detail);
    if (type === 'problem') this.#problem(detail);
    if (type === 'paused') this.#announcer.say(detail.paused ? 'The test is paused.' : 'The test goes on.');
    if (type === 'state' && detail.state === 'live' && this.#placeholder) this.#go(this.#position, { focus: false });
    this.#update();
  };

  #warn(detail) {
    if (detail.kind === 'time') this.#announcer.say(`${duration(detail.remaining_seconds)} left.`);
    if (detail.kind === 'notice') this.#tell(detail.message);
    if (detail.kind === 'not_durable')
      this.#tell('This browser keeps nothing: please leave this page open while answers are unsent.');
  }

  // What concerns the question in front of the candidate stands there already.
  #problem({ code, message, question_id: questionId, fatal }) {
    if (fatal || (questionId && questionId === this.#card.questionId)) return;
    const place = this.#session.outline.find((slot) => questionId && slot.question_id === questionId);
    this.#tell(`${place ? `Question ${place.position}: ` : ''}${sentence(code, message)}`);
  }

  #tell(text) {
    this.#toast.hidden = false;
    setText(this.#notice, text);
  }

  #answer(questionId, option) {
    // A refusal is told by the event `problem`, and by the question's own line.
    this.#session
      .answer(questionId, option)
      .catch(() => {})
      .then(() => this.#update());
    this.#update();
  }

  #forward() {
    if (this.#position < this.#session.outline.length) this.#go(this.#position + 1);
    else this.#overview.focus();
  }

  async #go(position, { focus = true } = {}) {
    this.#position = position;
    remember(this.#session.assessmentId, position);
    const question = await this.#fetch(position);
    if (this.#position !== position) return; // gone on meanwhile
    this.#placeholder = question === null;
    this.#card.show(question, { position, total: this.#session.outline.length });
    this.#update();
    if (focus) this.#card.focus();
    for (let ahead = 1; ahead <= AHEAD && this.#session.outline[position - 1 + ahead]; ahead += 1)
      await this.#fetch(position + ahead);
  }

  async #fetch(position) {
    const { question_id } = this.#session.outline[position - 1];
    return this.#session.getQuestion(question_id ? { question_id } : { position }).catch((error) => {
      if (!error.retryable) this.#tell(sentence(error.code, error.message));
      return null;
    });
  }

  #firstPosition() {
    const { outline, assessmentId, assessment } = this.#session;
    const position = recall(assessmentId) ?? assessment.position ?? 1;
    return outline[position - 1] ? position : 1;
  }

  #places() {
    return this.#session.outline.map(({ question_id: questionId, position }) => {
      const { selected_option: option, status } = this.#session.answerTo(questionId);
      return {
        position,
        current: position === this.#position,
        answered: option !== null,
        unsent: status === 'pending' && this.#session.state !== 'live',
        flagged: this.#session.isFlagged(questionId),
      };
    });
  }

  #ask() {
    this.#dialog.ask(openSentence(this.#places()));
  }

  #update() {
    const session = this.#session;
    const { remainingSeconds, paused, state } = session;
    const timeIsUp = remainingSeconds === 0 && !paused;
    const locked = timeIsUp || paused || state === 'over';
    const { questionId } = this.#card;
    this.#bar.update({ remainingSeconds, paused, state });
    this.#card.update({
      answer: session.answerTo(questionId),
      flagged: session.isFlagged(questionId),
      live: state === 'live',
      locked,
    });
    this.#overview.update(this.#places(), { locked });
    this.#previous.disabled = this.#position <= 1;
    setText(this.#next, this.#position < session.outline.length ? 'Next' : 'Overview');
    if (timeIsUp !== this.#timeWasUp) this.#timeTurned(timeIsUp);
  }

  // The server ends the assessment a few seconds later, or gives more time.
  #timeTurned(timeIsUp) {
    this.#timeWasUp = timeIsUp;
    if (timeIsUp) this.#dialog.node.close();
    const up = this.#session.state === 'live' ? TIME_IS_UP : TIME_IS_UP_OFFLINE;
    this.#tell(timeIsUp ? up : 'You were given more time.');
  }
}

// The tab's own memory, so that a reload shows the question that was in front of the candidate.
function remember(assessmentId, position) {
  try {
    sessionStorage.setItem(`sitting.position.${assessmentId}`, position);
  } catch {
    /* a browser that keeps nothing */
  }
}

function recall(assessmentId) {
  try {
    return Number(sessionStorage.getItem(`sitting.position.${assessmentId}`)) || null;
  } catch {
    return null;
  }
}
