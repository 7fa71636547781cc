import { announcer, el, setText } from './dom.js';
import { HandInDialog } from './hand-in.js';
import { Overview, openSentence } from './overview.js';
import { PausePanel } from './pause-panel.js';
import { QuestionCard } from './question-card.js';
import { StatusBar } from './status-bar.js';
import { Steps } from './steps.js';
import { recall, remember } from './tab-memory.js';
import { Unchecked } from './unchecked.js';
import { duration, sentence } from './words.js';

const AHEAD = 3; // questions fetched before they are asked for, so that a short outage does not stop the candidate
const TIME_IS_UP = 'Time is up. Your answers are being handed in …';
const TIME_IS_UP_OFFLINE = 'Time is up. There is no connection; the server hands in what has reached it.';
const NO_CONNECTION = 'There is no connection. The next question comes when it is back.';
const LISTENED = ['state', 'saved', 'feedback', 'progress', 'paused', 'problem', 'time', 'warning'];

/** The test itself, over a session that is live. */
export class Taking {
  #session;
  #breaks;
  #position;
  #placeholder = false;
  #unchecked = null; // where a check closes the question
  #bar;
  #card;
  #sheet;
  #pause = new PausePanel({ onGoOn: () => this.#break(false) });
  #wasPaused = false;
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
  #steps;
  #unlisten = new AbortController();

  /** `breaks`: this candidate may stop the clock. */
  constructor({ session, store, breaks }) {
    this.#session = session;
    this.#breaks = breaks;
    this.#bar = new StatusBar({ onBreak: breaks ? () => this.#break(true) : null });
    if (session.assessment.feedback === 'after_answer') this.#unchecked = new Unchecked(session.assessmentId);
    this.#card = new QuestionCard({
      durable: () => store.durable,
      unchecked: this.#unchecked,
      onTyping: (questionId, given) => session.draft(questionId, given),
      onChosen: () => this.#update(),
      onAnswer: (questionId, given) => this.#answer(questionId, given),
      onFlag: (questionId, flagged) => {
        session.flag(questionId, flagged);
        this.#update();
      },
    });
    this.#steps = new Steps({
      isLinear: this.#isLinear,
      onPrevious: () => this.#go(this.#position - 1),
      onNext: () => this.#forward(),
    });
    this.#overview = new Overview({
      outline: session.outline,
      isLinear: this.#isLinear,
      onGo: (position) => this.#go(position),
      onHandIn: () => this.#ask(),
    });
    this.#dialog = new HandInDialog({ complete: () => this.#handIn() });
    this.#sheet = el('div', { class: 'sheet' }, this.#card.node, this.#steps.node);
    this.node = el(
      'div',
      { class: 'taking' },
      el('h1', { class: 'unseen' }, session.assessment.test_name),
      this.#bar.node,
      el('div', { class: 'desk' }, this.#sheet, this.#pause.node, this.#overview.node),
      this.#toast,
      this.#dialog.node,
      this.#announcer.node,
    );
    const { signal } = this.#unlisten;
    for (const type of LISTENED) session.addEventListener(type, this.#heard, { signal });
    document.addEventListener('visibilitychange', () => document.hidden && this.#card.flush(), { signal });
    this.#go(this.#firstPosition(), { focus: false });
  }

  focus() {
    if (this.#session.paused) this.#pause.focus();
    else this.#card.focus();
  }

  leave() {
    this.#card.flush();
    this.#unlisten.abort();
    this.#dialog.node.close();
  }

  #heard = ({ type, detail }) => {
    if (type === 'warning') this.#warn(detail);
    if (type === 'problem') this.#problem(detail);
    if (type === 'paused' && !detail.paused) this.#announcer.say('The test goes on.');
    const mayAsk = (type === 'state' && detail.state === 'live') || (type === 'paused' && !detail.paused);
    if (mayAsk && this.#placeholder) this.#go(this.#position, { focus: false });
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

  #answer(questionId, given) {
    // A refusal is told by the event `problem`, and by the question's own line.
    this.#session
      .answer(questionId, given)
      .catch(() => {})
      .then(() => this.#update());
    this.#update();
  }

  #break(begin) {
    this.#card.flush();
    const change = begin ? this.#session.startBreak() : this.#session.endBreak();
    change.catch((error) => this.#tell(error.message ?? sentence(error.code)));
  }

  #forward() {
    if (this.#position >= this.#session.outline.length) this.#overview.focus();
    else if (this.#isLinear) this.#stepOn();
    else this.#go(this.#position + 1);
  }

  // The next question closes this one: it is asked for when the server has decided about the answer, and shown when it
  // is here. An answer that is to be mended stays in front of the candidate; who goes on once more leaves it.
  async #stepOn() {
    this.#steps.busy = true;
    this.#card.flush();
    if (await this.#isDecided()) {
      const next = this.#position + 1;
      if (await this.#fetch(next)) this.#go(next);
      else if (this.#session.state !== 'live') this.#tell(NO_CONNECTION);
    }
    this.#steps.busy = false;
  }

  async #isDecided() {
    const { questionId } = this.#card;
    const status = () => this.#session.answerTo(questionId).status;
    if (status() !== 'pending') return true;
    const stop = new AbortController();
    await new Promise((resolve) => {
      const look = () => (status() !== 'pending' || this.#session.state !== 'live') && resolve();
      for (const type of ['saved', 'problem', 'state']) {
        this.#session.addEventListener(type, look, { signal: stop.signal });
      }
      look();
    });
    stop.abort();
    if (status() === 'pending') this.#tell(NO_CONNECTION);
    return status() === 'saved';
  }

  async #go(position, { focus = true } = {}) {
    this.#card.flush();
    this.#position = position;
    remember(`position.${this.#session.assessmentId}`, position);
    const question = await this.#fetch(position);
    if (this.#position !== position) return; // gone on meanwhile
    this.#placeholder = question === null;
    this.#card.show(question, { position, total: this.#session.outline.length });
    this.#update();
    if (focus) this.#card.focus();
    if (!this.#isLinear) await this.#fetchAhead(position);
  }

  // Not where questions come one after the other: there, asking for one closes the one before.
  async #fetchAhead(position) {
    for (let ahead = 1; ahead <= AHEAD && this.#session.outline[position - 1 + ahead]; ahead += 1)
      await this.#fetch(position + ahead);
  }

  get #isLinear() {
    return this.#session.assessment.navigation === 'linear';
  }

  #handIn() {
    this.#card.flush();
    return this.#session.complete();
  }

  async #fetch(position) {
    const { question_id } = this.#session.outline[position - 1];
    return this.#session.getQuestion(question_id ? { question_id } : { position }).catch((error) => {
      // What is paused comes by itself when the test goes on.
      if (!error.retryable && error.code !== 'paused') this.#tell(sentence(error.code, error.message));
      return null;
    });
  }

  #firstPosition() {
    const { outline, assessmentId, assessment } = this.#session;
    const position = (this.#isLinear ? null : recall(`position.${assessmentId}`)) ?? assessment.position ?? 1;
    return outline[position - 1] ? position : 1;
  }

  #places() {
    return this.#session.outline.map(({ question_id: questionId, position }) => {
      const { selected_option: option, selected_options: options, value, status } = this.#session.answerTo(questionId);
      return {
        position,
        current: position === this.#position,
        answered: option !== null || options !== null || value !== null,
        unsent: status === 'pending' && this.#session.state !== 'live',
        refused: status === 'refused',
        unchecked: Boolean(this.#unchecked?.get(questionId)),
        flagged: this.#session.isFlagged(questionId),
      };
    });
  }

  #ask() {
    this.#card.flush();
    this.#dialog.ask(openSentence(this.#places()));
  }

  #update() {
    const session = this.#session;
    const { remainingSeconds, paused, state } = session;
    const timeIsUp = remainingSeconds === 0 && !paused;
    const locked = timeIsUp || paused || state === 'over';
    const { questionId } = this.#card;
    // After a reload the reason is not known; if it is not the candidate's own break, the server says so.
    const own = this.#breaks && (session.pauseReason ?? 'break') === 'break';
    if (locked) this.#card.flush();
    this.#bar.update({ remainingSeconds, paused, state });
    this.#pause.update({ own, reason: session.pauseReason, live: state === 'live' });
    this.#card.update({
      answer: session.answerTo(questionId),
      feedback: session.feedbackTo(questionId),
      flagged: session.isFlagged(questionId),
      live: state === 'live',
      locked,
    });
    const places = this.#places();
    this.#overview.update(places, { locked, canGo: !this.#isLinear && !paused });
    this.#steps.update(places[this.#position - 1], {
      last: this.#position === places.length,
      checks: this.#unchecked !== null,
    });
    this.#dialog.say(openSentence(places));
    if (paused !== this.#wasPaused) this.#pauseTurned(paused);
    if (timeIsUp !== this.#timeWasUp) this.#timeTurned(timeIsUp);
  }

  // Nobody shall read on while the clock stands still.
  #pauseTurned(paused) {
    this.#wasPaused = paused;
    this.#sheet.hidden = paused;
    this.#pause.node.hidden = !paused;
    if (paused) this.#dialog.node.close();
    if (this.node.isConnected) this.focus();
  }

  // The server ends the assessment a few seconds later, or gives more time.
  #timeTurned(timeIsUp) {
    this.#timeWasUp = timeIsUp;
    if (timeIsUp) this.#dialog.node.close();
    const up = this.#session.state === 'live' ? TIME_IS_UP : TIME_IS_UP_OFFLINE;
    this.#tell(timeIsUp ? up : 'You were given more time.');
  }
}
