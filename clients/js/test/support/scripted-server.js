import { once } from 'node:events';
import { WebSocketServer } from 'ws';

/**
 * A server that speaks the protocol for one assessment, with the store in memory. `on(type, hook)` puts a hook before
 * the default behaviour for the next message of that type: it gets `{socket, message, serve}` and decides.
 */
export class ScriptedServer {
  responses = new Map(); // question_id → {…what was given, client_id, client_seq, seq}
  received = []; // {connection, type, data}
  connections = 0;
  seq = 1;
  status = 'in_progress';
  remaining = 600;
  #hooks = [];
  holder = null; // {attachment, window_id} of whoever has the assessment
  #acks = new Map();

  static async open() {
    const server = new ScriptedServer();
    server.wss = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0] });
    await once(server.wss, 'listening');
    server.wss.on('connection', (socket, request) => server.#accept(socket, request));
    return server;
  }

  get url() {
    return `ws://127.0.0.1:${this.wss.address().port}/ws/assessment`;
  }

  on(type, hook) {
    this.#hooks.push({ type, hook });
  }

  sent(type) {
    return this.received.filter((message) => message.type === type);
  }

  cutAll() {
    for (const socket of this.wss.clients) socket.terminate();
  }

  push(type, data) {
    for (const socket of this.wss.clients) say(socket, type, data);
  }

  async close() {
    this.cutAll();
    this.wss.close();
    await once(this.wss, 'close');
  }

  #accept(socket, request) {
    const connection = ++this.connections;
    this.lastUrl = request.url;
    const hook = this.#take('connect');
    if (hook) return hook({ socket });
    return socket.on('message', (frame) => {
      const message = JSON.parse(frame);
      this.received.push({ connection, ...message });
      const serve = () => this.#serve(socket, message);
      const hook = this.#take(message.type);
      return hook ? hook({ socket, message, serve, server: this }) : serve();
    });
  }

  #take(type) {
    const at = this.#hooks.findIndex((entry) => entry.type === type);
    return at === -1 ? null : this.#hooks.splice(at, 1)[0].hook;
  }

  /** Another device has taken the assessment over, and is gone again or not. */
  takeOver(windowId = 'w_other') {
    this.holder = { attachment: ++this.seq, window_id: windowId };
  }

  #refuses({ window_id, attachment }) {
    const { holder } = this;
    if (this.isOver || attachment === undefined || !holder || attachment === holder.attachment) return false;
    return window_id !== holder.window_id;
  }

  #serve(socket, { type, data, id }) {
    if (CLAIMS.has(type)) {
      if (this.#refuses(data)) return refuseStale(socket, id);
      this.holder = { attachment: ++this.seq, window_id: data.window_id };
    }
    const [replyType, reply] = ANSWERS[type]?.call(this, data) ?? [
      'error',
      { code: 'unknown_type', error: 'Unknown.' },
    ];
    say(socket, replyType, reply, id);
    if (type === 'complete_assessment' || (type === 'resume_assessment' && this.isOver)) socket.close(4010);
  }

  get isOver() {
    return ['completed', 'timeout'].includes(this.status);
  }

  snapshot(recovered) {
    const outline = ['q_1', 'q_2', 'q_3'].map((question_id, at) => ({
      question_id,
      position: at + 1,
      state: 'unanswered',
    }));
    return {
      assessment_id: 7,
      test_id: 3,
      application_id: 5,
      attempt: 1,
      test_name: 'Git',
      total_questions: 3,
      remaining_seconds: this.remaining,
      attachment: this.holder.attachment,
      outline,
      recovered,
    };
  }

  store({ question_id, client_id, client_seq, base_seq, ...given }) {
    const pair = `${client_id} ${client_seq}`;
    if (this.#acks.has(pair)) return { outcome: 'duplicate', ...this.#acks.get(pair) };
    if (this.isOver) return { outcome: 'late', code: 'assessment_over' };
    const stored = this.responses.get(question_id);
    const isOlder = stored && (stored.client_id === client_id ? stored.client_seq > client_seq : stored.seq > base_seq);
    if (isOlder) return { outcome: 'superseded', code: 'answer_superseded' };
    const ack = { question_id, client_id, client_seq, seq: ++this.seq, saved_at: '2026-11-22T09:00:00Z', digest: 'd' };
    this.responses.set(question_id, { ...given, client_id, client_seq, seq: ack.seq });
    this.#acks.set(pair, ack);
    return { outcome: 'saved', ...ack };
  }
}

const CLAIMS = new Set(['start_assessment', 'resume_assessment']);

const ANSWERS = {
  heartbeat() {
    return ['pong', { server_time: '2026-11-22T09:00:00Z', remaining_seconds: this.remaining }];
  },
  start_assessment() {
    return ['assessment_started', this.snapshot(false)];
  },
  resume_assessment({ pending }) {
    const acknowledged = pending.map((answer) => ({ ...pick(answer), ...this.store(answer) }));
    const responses = [...this.responses].map(([question_id, { client_id, client_seq, ...stored }]) => ({
      question_id,
      ...stored,
      saved_at: '2026-11-22T09:00:00Z',
    }));
    const end = this.isOver ? { results: { assessment_id: 7, status: this.status } } : {};
    return [
      'assessment_recovered',
      { ...this.snapshot(true), responses, flags: [], position: 1, acknowledged, status: this.status, ...end },
    ];
  },
  submit_answer(data) {
    const { outcome, code, ...ack } = this.store(data);
    return code ? ['error', { code, error: 'Refused.', retryable: false }] : ['answer_saved', ack];
  },
  get_question({ question_id }) {
    return ['question', { question_id, position: Number(question_id.slice(2)), question: { text: '?', options: [] } }];
  },
  flag_question() {
    return ['progress_update', { total_questions: 3, answered_questions: this.responses.size, flagged_questions: 1 }];
  },
  complete_assessment() {
    this.status = 'completed';
    return [
      'assessment_completed',
      { results: { assessment_id: 7, status: 'completed' }, reason: 'submitted', receipt: {} },
    ];
  },
};

function pick({ question_id, client_id, client_seq }) {
  return { question_id, client_id, client_seq };
}

/** As the server does it: the refusal, then the close. */
export function refuseStale(socket, id) {
  say(socket, 'error', { code: 'attachment_stale', error: 'It goes on elsewhere.', retryable: false }, id);
  socket.close(4009);
}

function say(socket, type, data, replyTo) {
  socket.send(JSON.stringify({ type, data, ...(replyTo && { reply_to: replyTo }) }));
}
