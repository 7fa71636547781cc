import { ServerClock } from './clock.js';

const SNAPSHOTS = new Set(['assessment_started', 'assessment_recovered']);
const FINAL = new Set(['completed', 'timeout', 'voided']);

/** What the server has told about the assessment so far. It sends nothing. */
export class AssessmentView {
  clock = new ServerClock();
  assessment = null; // data of assessment_started or assessment_recovered
  progress = null;
  paused = false;
  pauseReason = null;
  result = null; // data of assessment_completed
  flags = new Set();
  feedback = new Map(); // question_id → data of answer_feedback
  #questions = new Map(); // question_id → data of question

  /** Learns from a message. Returns the event to tell the user of this library, as [type, detail], or null. */
  take({ type, data }) {
    if (!SNAPSHOTS.has(type)) this.clock.sync(data, { fresh: type === 'deadline_changed' });
    return HANDLERS[type]?.call(this, data) ?? null;
  }

  known({ question_id, position }) {
    const match = (question) => question.question_id === question_id || question.position === position;
    return [...this.#questions.values()].find(match) ?? null;
  }

  keep(question) {
    this.#questions.set(question.question_id, question);
    const place = this.assessment?.outline?.find((slot) => slot.position === question.position);
    if (place) place.question_id = question.question_id;
  }

  started(data) {
    this.assessment = data;
    this.paused = data.status === 'paused';
    this.pauseReason = this.paused ? (data.pause_reason ?? null) : null;
    this.flags = new Set(data.flags ?? []);
    this.clock.sync(data, { fresh: true });
    if (this.paused) this.clock.pause();
    if (!FINAL.has(data.status)) return null;
    return this.completed({ results: data.results ?? null, reason: data.status, receipt: data.receipt ?? null });
  }

  completed(data) {
    if (this.result) return null;
    this.result = data;
    return ['completed', data];
  }

  setPaused(paused, { reason = null }) {
    this.paused = paused;
    this.pauseReason = paused ? reason : null;
    this.clock[paused ? 'pause' : 'unpause']();
    return ['paused', { paused, reason }];
  }
}

const HANDLERS = {
  assessment_started(data) {
    return this.started(data);
  },
  assessment_recovered(data) {
    return this.started(data);
  },
  assessment_completed(data) {
    return this.completed(data);
  },
  question(data) {
    this.keep(data);
    return ['question', data];
  },
  answer_feedback(data) {
    this.feedback.set(data.question_id, data);
    return ['feedback', data];
  },
  progress_update(data) {
    this.progress = data;
    return ['progress', data];
  },
  deadline_changed(data) {
    return ['time', data];
  },
  pong() {
    return ['time', { remaining_seconds: this.clock.remainingSeconds() }];
  },
  paused(data) {
    return this.setPaused(true, data);
  },
  unpaused(data) {
    return this.setPaused(false, data);
  },
  time_warning(data) {
    return ['warning', { kind: 'time', ...data }];
  },
  system_message(data) {
    return ['warning', { kind: 'notice', ...data }];
  },
  error(data) {
    return ['problem', { code: data.code, message: data.error, fatal: false }];
  },
};
