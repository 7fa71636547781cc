import assert from 'node:assert/strict';
import { event, state } from './support/candidate.js';
import { promise } from './support/rig.js';

const closeWith =
  (code) =>
  ({ socket }) =>
    socket.close(code);

promise('a replaced session says so and does not come back', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('submit_answer', closeWith(4009));
  await assert.rejects(session.answer('q_1', 'o_a'), { code: 'attachment_stale' });
  assert.equal(session.state, 'replaced');
  await beat(80);
  assert.equal(server.connections, 1);
  await assert.rejects(session.answer('q_2', 'o_a'), { code: 'attachment_stale' });
});

promise('a replaced session keeps its unsent answer and sends it when it takes over', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('submit_answer', closeWith(4009));
  await session.answer('q_1', 'o_a').catch(() => {});
  assert.deepEqual(session.answerTo('q_1').status, 'pending');
  await session.resume();
  assert.equal(session.state, 'live');
  assert.equal(server.responses.get('q_1').selected_option, 'o_a');
  assert.equal(session.answerTo('q_1').status, 'saved');
});

promise(
  'an unsent answer that another device has overtaken is given up, and the stored one shown',
  async ({ server, open }) => {
    const session = await open();
    await session.start();
    server.on('submit_answer', closeWith(4009));
    await session.answer('q_1', 'o_mine').catch(() => {});
    server.store({ question_id: 'q_1', selected_option: 'o_other', client_id: 'other', client_seq: 1, base_seq: 0 });
    const told = event(session, 'problem');
    await session.resume();
    assert.equal((await told).code, 'answer_superseded');
    assert.equal(session.answerTo('q_1').selected_option, 'o_other');
    assert.equal(server.responses.get('q_1').selected_option, 'o_other');
    assert.deepEqual(await session.store.pending(7), []);
  },
);

promise('the end of the assessment ends the session with its results', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.push('assessment_completed', { results: { assessment_id: 7 }, reason: 'timeout', receipt: null });
  const { reason } = await event(session, 'completed');
  assert.equal(reason, 'timeout');
  assert.equal(session.state, 'over');
  await assert.rejects(session.answer('q_1', 'o_a'), { code: 'assessment_over' });
});

promise('after the end nothing brings the session back, and the end is told once', async ({ server, open }) => {
  const session = await open();
  await session.start();
  let told = 0;
  session.addEventListener('completed', () => {
    told += 1;
  });
  const end = { results: { assessment_id: 7 }, reason: 'timeout', receipt: null };
  server.push('assessment_completed', end);
  server.push('assessment_completed', end);
  await session.flag('q_1', true); // its reply comes behind both
  server.cutAll();
  await beat(80);
  assert.equal(told, 1);
  assert.equal(server.connections, 1);
});

promise('a close that says over is believed, and not come back from', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('submit_answer', closeWith(4010));
  const completed = event(session, 'completed');
  await assert.rejects(session.answer('q_1', 'o_a'), { code: 'assessment_over' });
  assert.deepEqual(await completed, { results: null, reason: null, receipt: null });
  assert.equal(session.state, 'over');
  await beat(80);
  assert.equal(server.connections, 1);
});

promise(
  'answers that were offline across the end are handed over late, and not called saved',
  async ({ server, open }) => {
    const session = await open();
    await session.start();
    server.on('submit_answer', ({ socket }) => {
      server.status = 'timeout';
      socket.terminate();
    });
    const states = [];
    session.addEventListener('state', ({ detail }) => states.push(detail.state));
    const completed = event(session, 'completed');
    await assert.rejects(session.answer('q_1', 'o_a'), { code: 'assessment_over' });
    assert.equal((await completed).results.status, 'timeout');
    assert.equal(session.answerTo('q_1').refusal.code, 'late');
    assert.equal(server.responses.size, 0);
    await beat(80);
    assert.deepEqual(states, ['reconnecting', 'over']);
    assert.deepEqual(await session.store.pending(7), []);
  },
);

promise('a ticket that is refused is replaced once, then it is told', async ({ server, open }) => {
  const session = await open();
  server.on('connect', closeWith(4001));
  await session.start();
  assert.equal(server.connections, 2);
  server.on('connect', closeWith(4001));
  server.on('connect', closeWith(4001));
  const told = event(session, 'problem');
  server.cutAll();
  assert.deepEqual(await told, {
    code: 'not_authenticated',
    message: 'The server does not know you any more.',
    fatal: true,
  });
  assert.equal(session.state, 'idle');
  assert.equal(server.connections, 4);
});

for (const code of [4003, 4004]) {
  promise(`close code ${code} is not come back from`, async ({ server, open }) => {
    const session = await open();
    server.on('connect', closeWith(code));
    await assert.rejects(session.start(), { code: 'not_allowed' });
    assert.equal(session.state, 'idle');
    assert.equal(server.connections, 1);
  });
}

for (const code of [1011, 1012, 1013, 4008, 4029]) {
  promise(`close code ${code} is come back from`, async ({ server, open }) => {
    const session = await open();
    await session.start();
    server.on('flag_question', closeWith(code));
    const live = state(session, 'live');
    await session.flag('q_1', true);
    await live;
    assert.equal(server.connections, 2);
  });
}

promise("a start that is refused is told with the server's sentence", async ({ server, open }) => {
  const session = await open();
  server.on('start_assessment', ({ socket, message }) =>
    socket.send(
      JSON.stringify({
        type: 'error',
        data: { code: 'attempts_exhausted', error: 'You have used all your attempts.', retryable: false },
        reply_to: message.id,
      }),
    ),
  );
  await assert.rejects(session.start(), { code: 'attempts_exhausted', message: 'You have used all your attempts.' });
  assert.equal(session.state, 'idle');
});

promise('a server that does not speak this version of the protocol is never started on', async ({ server, open }) => {
  server.wss.options.handleProtocols = () => false;
  const session = await open({ backoff: { base: 60_000, random: () => 0.9 } });
  session.start().catch(() => {});
  await state(session, 'reconnecting');
  assert.equal(server.sent('start_assessment').length, 0);
});

promise('a ticket that cannot be had is tried again, unless it is refused', async ({ open }) => {
  let asked = 0;
  const forbidden = Object.assign(new Error('Gone.'), { code: 'not_authenticated', retryable: false });
  const getTicket = async () => {
    throw ++asked < 3 ? new TypeError('no network') : forbidden;
  };
  const session = await open({ getTicket });
  await assert.rejects(session.start(), { code: 'not_authenticated', message: 'Gone.' });
  assert.equal(asked, 3);
});

// Long enough for a reconnection that must not happen: the backoff of these sessions is 20 ms at most.
function beat(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
