import { AssessmentView } from './assessment-view.js';
import { Backoff } from './backoff.js';
import { Deliveries } from './deliveries.js';
import { ConnectionLost, ProtocolError } from './errors.js';
import { wireAnswer } from './item.js';
import { Link } from './link.js';
import { PendingStore } from './pending-store.js';
import { deferred } from './promises.js';
import { randomId } from './random-id.js';
import { Connection, socketUrl } from './socket.js';

const TICK_MS = 1_000;
const CAN_BEGIN = new Set(['idle', 'replaced']);
const ENDINGS = {
  replaced: { code: 'attachment_stale', error: 'The test goes on in another window.' },
  over: { code: 'assessment_over', error: 'The assessment is over.' },
  refused: { code: 'not_allowed', error: 'The server does not let you in.' },
  renew: { code: 'not_authenticated', error: 'The server does not know you any more.' },
  stopped: { code: 'stopped', error: 'The session was stopped.' },
};

/**
 * One candidate taking one assessment; another attempt is another session.
 *
 * `state`: idle (nothing will be tried by itself), connecting, live, reconnecting, replaced (a newer window has the
 * test), over. Events are CustomEvents: `state`, `question`, `saved`, `progress`, `time`, `warning`, `paused`,
 * `feedback`, `completed`, `problem`; the README tells their details.
 */
export class AssessmentSession extends EventTarget {
  state = 'idle';
  #options;
  #store;
  #view = new AssessmentView();
  #deliveries;
  #link = null;
  #connection = null;
  #known = null; // newest attachment of this window; 0: none that it knows; null: the candidate wants to go on here
  #unsentFlags = new Map();
  #begun = null; // settled when start() or resume() is
  #finish = null; // settled when complete() is
  #ticker = null;
  #toldNotDurable = false;

  /**
   * `url`: address of the socket, absolute or relative to the page. `getTicket()`: resolves with a fresh ticket; its
   * error is taken for a bad network and tried again unless its `retryable` is false. `testId`, `applicationId`:
   * integers, the second only needed if the candidate has several. `store`: an opened PendingStore. `windowId`: text
   * that names this window, 1 to 64 printable ASCII characters; who keeps it across a reload is known again.
   * Times in the other options are milliseconds.
   */
  constructor({ url, getTicket, testId, applicationId, store = new PendingStore(), windowId, ...options }) {
    super();
    const defaults = {
      WebSocket: globalThis.WebSocket,
      signals: globalThis,
      backoff: {},
      requestTimeout: 10_000,
      flushTimeout: 10_000,
      heartbeatEvery: 20_000,
    };
    this.#options = { url, getTicket, testId, applicationId, ...defaults, ...options };
    this.windowId = windowId ?? randomId();
    this.#store = store;
    this.#deliveries = new Deliveries({
      store,
      retry: new Backoff(this.#options.backoff),
      onSaved: (item, saved) => this.#emit('saved', { ...saved, question_id: item.question_id }),
      onRefused: (item, error) => this.#problem(error, { question_id: item.question_id }),
    });
  }

  /** Starts the test, or goes on with the candidate's open one. Resolves with the assessment once it runs. */
  start() {
    return this.#begin(() => {
      this.#view = new AssessmentView();
      this.#known = null;
    });
  }

  /**
   * Goes on with an assessment, also after another window took it over. Resolves with the assessment.
   * `attachment`: what this window's `attachment` was before a reload. With it nothing is taken over: if another window
   * has the test by now, it rejects with `attachment_stale`.
   */
  resume(assessmentId = this.assessmentId, { attachment = null } = {}) {
    return this.#begin(() => {
      this.#view.assessment ??= { assessment_id: assessmentId, outline: [] };
      this.#known = attachment;
    });
  }

  /** Leaves. What is pending stays in the store. */
  stop() {
    this.#link?.stop();
  }

  get assessment() {
    return this.#view.assessment;
  }
  get assessmentId() {
    return this.#view.assessment?.assessment_id ?? null;
  }
  /** Number of the log's entry by which this window has the test, null before the first. */
  get attachment() {
    return this.#view.assessment?.attachment ?? null;
  }
  get outline() {
    return this.#view.assessment?.outline ?? [];
  }
  get progress() {
    return this.#view.progress;
  }
  get paused() {
    return this.#view.paused;
  }
  /** Why it is paused: `break` if by the candidate; null while it runs, or if that is not known. */
  get pauseReason() {
    return this.#view.pauseReason;
  }
  get result() {
    return this.#view.result;
  }
  /** Seconds until the deadline by the server's clock, null if untimed. */
  get remainingSeconds() {
    return this.#view.clock.remainingSeconds();
  }
  /** How many answers the server has not decided about. */
  get unsent() {
    return CAN_BEGIN.has(this.state) ? this.#deliveries.answers.undecided : this.#deliveries.size;
  }

  /**
   * `{selected_option, selected_options, value, status, saved_at, refusal}`, what is not given as null; status one of
   * none, pending, saved, refused. `refusal`: `{code, message, given}` of the last answer if it was refused, else null;
   * `message` is the server's sentence, null if it said none.
   */
  answerTo(questionId) {
    return this.#deliveries.answers.read(questionId);
  }

  /** Data of `answer_feedback`, null if there is none: where there is, the question is closed. */
  feedbackTo(questionId) {
    return this.#view.feedback.get(questionId) ?? null;
  }

  isFlagged(questionId) {
    return this.#view.flags.has(questionId);
  }

  /**
   * Keeps the answer on this device, then sends it: an option's id, `{selected_options: […]}` or `{value: text}`; null
   * clears. Resolves with the server's `answer_saved`, or with null if a newer answer to the same question takes its
   * place. Rejects with ProtocolError if it is not taken; if its code is `attachment_stale`, the answer is kept and goes
   * along when the candidate continues here.
   */
  async answer(questionId, given) {
    const isReplaced = this.state === 'replaced' && this.assessmentId !== null;
    if (!this.#isRunning() && !isReplaced) throw ending(this.state);
    this.draft(questionId, given); // IndexedDB takes a moment, in which the page may go
    const { decided } = await this.#deliveries.put(this.assessmentId, questionId, given);
    this.#warnIfNotDurable();
    if (isReplaced) throw ending('replaced');
    return decided;
  }

  /**
   * Keeps on this device what is being typed, without sending it: `answer()` comes later. It is kept when this
   * returns, whatever becomes of the page; after a reload it is sent as an answer.
   */
  draft(questionId, given) {
    if (this.assessmentId !== null) this.#store.draft(this.assessmentId, questionId, given);
  }

  /** Resolves with true once the server has it, with false if it will be told when the connection is back. */
  flag(questionId, flagged) {
    this.#setFlag(questionId, flagged);
    this.#unsentFlags.set(questionId, flagged);
    return this.#sendFlag(questionId);
  }

  /** The `question` data for `{question_id}` or `{position}`, from memory where it was seen before. */
  async getQuestion(which) {
    const known = this.#view.known(which);
    if (known) return known;
    return this.#ask('get_question', which);
  }

  /** Stops the clock, out of the allowance that this candidate has; the event `paused` tells the rest. */
  startBreak() {
    return this.#ask('start_break');
  }

  endBreak() {
    return this.#ask('end_break');
  }

  /**
   * Hands in once all answers are confirmed; resolves with `assessment_completed`. Rejects with UnsentAnswers or
   * ConnectionLost if that cannot be done now (nothing was handed in then), with ProtocolError if refused.
   */
  async complete() {
    if (this.result) return this.result;
    if (!this.#isRunning()) throw ending(this.state);
    await this.#deliveries.drain(this.#options.flushTimeout).catch((error) => {
      throw this.#isRunning() ? error : ending(this.state);
    });
    if (!this.#finish) {
      this.#finish = deferred();
      this.#sendComplete();
    }
    return this.#finish.promise;
  }

  async #ask(type, data) {
    if (!this.#connection) throw new ConnectionLost(1006);
    return (await this.#connection.request(type, data)).data;
  }

  #isRunning() {
    return this.assessmentId !== null && this.state !== 'over' && !CAN_BEGIN.has(this.state);
  }

  #begin(prepare) {
    if (!CAN_BEGIN.has(this.state)) return Promise.reject(new Error(`The session is ${this.state} already.`));
    prepare();
    this.#begun = deferred();
    this.#link = new Link({
      dial: () => this.#dial(),
      greet: (connection) => this.#greet(connection),
      onUp: (connection) => this.#up(connection),
      onDown: (how) => this.#down(how),
      backoff: new Backoff(this.#options.backoff),
      heartbeatEvery: this.#options.heartbeatEvery,
    });
    this.#setState('connecting');
    this.#listen(true);
    this.#link.run().then((end) => this.#ended(end));
    return this.#begun.promise;
  }

  async #dial() {
    const { url, getTicket, testId, WebSocket, requestTimeout } = this.#options;
    const address = socketUrl(url, { ticket: await getTicket(), testId });
    const onMessage = (message) => this.#receive(message);
    const connection = new Connection({ url: address, onMessage, WebSocket, timeout: requestTimeout });
    await connection.opened;
    return connection;
  }

  async #greet(connection) {
    const { testId, applicationId } = this.#options;
    const assessmentId = this.assessmentId;
    const head = assessmentId === null ? [] : await this.#deliveries.forResume(assessmentId);
    const { data } =
      assessmentId === null
        ? await this.#claim(connection, 'start_assessment', { test_id: testId, application_id: applicationId })
        : await this.#claim(connection, 'resume_assessment', {
            assessment_id: assessmentId,
            pending: head.map(wireAnswer),
          });
    await this.#deliveries.resumed(data.assessment_id, head, data);
  }

  // A wish is said once: it may have been heard though the reply was lost, and another window may be wanted since.
  async #claim(connection, type, data) {
    const known = this.#known === null ? {} : { attachment: this.#known };
    try {
      const reply = await connection.request(type, { ...data, window_id: this.windowId, ...known });
      this.#known = reply.data.attachment;
      return reply;
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#known ??= 0;
      throw error;
    }
  }

  #receive(message) {
    const event = this.#view.take(message);
    const { type, data } = message;
    if (type === 'assessment_started' || type === 'assessment_recovered') this.#recovered(data);
    if (type === 'unpaused') this.#deliveries.nudge();
    if (this.#view.result) this.#over();
    if (event) this.#emit(...event);
  }

  #recovered({ responses = [] }) {
    this.#deliveries.answers.load(responses);
    for (const [questionId, flagged] of this.#unsentFlags) this.#setFlag(questionId, flagged);
  }

  #up(connection) {
    // Over already: what was late has been told with the resume, there is nothing to stay for.
    if (this.state === 'over') return this.#link.stop();
    this.#connection = connection;
    this.#setState('live');
    this.#warnIfNotDurable();
    this.#deliveries.attach(connection);
    for (const questionId of this.#unsentFlags.keys()) this.#sendFlag(questionId);
    if (this.#finish) this.#sendComplete();
    return this.#begun.resolve(this.assessment);
  }

  #down({ delay, error }) {
    this.#connection = null;
    this.#deliveries.detach();
    if (this.state === 'over') this.#link.stop();
    else this.#setState('reconnecting', { retry_in_seconds: delay / 1000, error });
  }

  #ended({ verdict, error }) {
    this.#connection = null;
    this.#listen(false);
    if (verdict === 'over') this.#overUntold();
    const isOver = this.state === 'over';
    const cause = !isOver && error?.retryable === false ? error : ending(isOver ? 'over' : verdict);
    this.#deliveries.abandon(this.assessmentId, cause);
    if (isOver) return this.#begun.resolve(this.assessment);
    this.#setState(verdict === 'replaced' ? 'replaced' : 'idle');
    if (verdict === 'refused' || verdict === 'renew') this.#problem(cause, { fatal: true });
    this.#begun.reject(cause);
    this.#finish?.reject(cause);
    this.#finish = null;
    return undefined;
  }

  // After a lost connection the candidate's word stands, and is given again on the next one.
  #sendComplete() {
    this.#connection?.request('complete_assessment').catch((error) => {
      if (!(error instanceof ProtocolError)) return;
      this.#finish?.reject(error);
      this.#finish = null;
    });
  }

  // Its socket says that it is over, and nothing said how it ended.
  #overUntold() {
    const event = this.#view.completed({ results: null, reason: null, receipt: null });
    this.#over();
    if (event) this.#emit(...event);
  }

  #over() {
    if (this.state === 'over') return;
    this.#setState('over');
    this.#finish?.resolve(this.result);
    this.#finish = null;
  }

  #setFlag(questionId, flagged) {
    this.#view.flags[flagged ? 'add' : 'delete'](questionId);
  }

  async #sendFlag(questionId) {
    if (!this.#connection) return false;
    const flagged = this.#unsentFlags.get(questionId);
    try {
      await this.#connection.request('flag_question', { question_id: questionId, flagged });
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code === 'attachment_stale') return false;
      this.#setFlag(questionId, !flagged);
      this.#problem(error, { question_id: questionId });
    }
    if (this.#unsentFlags.get(questionId) === flagged) this.#unsentFlags.delete(questionId);
    return true;
  }

  #listen(on) {
    const { signals } = this.#options;
    const verb = on ? 'addEventListener' : 'removeEventListener';
    signals[verb]?.('online', this.#hasten);
    signals[verb]?.('offline', this.#check); // a laptop with a second network says so too: ask before giving up
    signals.document?.[verb]('visibilitychange', this.#check);
    clearInterval(this.#ticker);
    if (on) this.#ticker = setInterval(this.#tick, TICK_MS);
  }

  #hasten = () => this.#link.hasten();
  #check = () => this.#link.check();
  #tick = () => {
    if (this.#view.clock.jumped()) this.#check(); // its pong brings the right time
    this.#emit('time', { remaining_seconds: this.remainingSeconds });
  };

  #warnIfNotDurable() {
    if (this.#store.durable || this.#toldNotDurable) return;
    this.#toldNotDurable = true;
    this.#emit('warning', { kind: 'not_durable' });
  }

  #setState(state, detail = {}) {
    this.state = state;
    this.#emit('state', { state, ...detail });
  }

  #problem({ code, message }, detail) {
    this.#emit('problem', { code, message, fatal: false, ...detail });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function ending(how) {
  return new ProtocolError(ENDINGS[how] ?? { code: 'not_started', error: 'No assessment is running.' });
}
