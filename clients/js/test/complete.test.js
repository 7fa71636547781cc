import assert from 'node:assert/strict';
import { event, until } from './support/candidate.js';
import { promise } from './support/rig.js';

promise('handing in waits until every answer is confirmed', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const answers = ['q_1', 'q_2', 'q_3'].map((questionId) => session.answer(questionId, 'o_a'));
  const { results } = await session.complete();
  await Promise.all(answers);
  assert.equal(results.status, 'completed');
  assert.equal(session.state, 'over');
  assert.equal(server.received.at(-1).type, 'complete_assessment');
  assert.equal(server.responses.size, 3);
});

promise('nothing is handed in while answers cannot be delivered', async ({ server, open }) => {
  const session = await open({ backoff: { base: 60_000, random: () => 0.9 }, flushTimeout: 50 });
  await session.start();
  server.on('submit_answer', ({ socket }) => socket.terminate());
  const answered = session.answer('q_1', 'o_a');
  await event(session, 'state', (detail) => detail.state === 'reconnecting');
  await assert.rejects(session.complete(), { code: 'unsent_answers', count: 1 });
  session.signals.dispatchEvent(new Event('online'));
  await answered;
  assert.equal(server.sent('complete_assessment').length, 0);
  assert.equal((await session.complete()).results.status, 'completed');
});

promise('nothing is handed in without a connection, and it says so', async ({ server, open }) => {
  const session = await open({ backoff: { base: 60_000, random: () => 0.9 }, flushTimeout: 50 });
  await session.start();
  server.cutAll();
  await event(session, 'state', (detail) => detail.state === 'reconnecting');
  await assert.rejects(session.complete(), { code: 'connection_lost' });
});

promise('a hand-in whose connection fell before it was heard is said again', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('complete_assessment', ({ socket }) => socket.terminate());
  assert.equal((await session.complete()).results.status, 'completed');
  assert.equal(server.sent('complete_assessment').length, 2);
});

promise('a hand-in whose confirmation was lost ends with the stored results', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('complete_assessment', ({ socket }) => {
    server.status = 'completed';
    socket.terminate();
  });
  assert.equal((await session.complete()).results.status, 'completed');
  assert.equal(server.sent('complete_assessment').length, 1);
  assert.equal(session.state, 'over');
});

promise('a hand-in that the server refuses is told with its code', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('complete_assessment', ({ socket, message }) =>
    socket.send(
      JSON.stringify({
        type: 'error',
        data: { code: 'deadline_passed', error: 'Too late.', retryable: false },
        reply_to: message.id,
      }),
    ),
  );
  await assert.rejects(session.complete(), { code: 'deadline_passed' });
  assert.equal(session.state, 'live');
});

promise('a hand-in that a newer window overtakes is told so at once', async ({ server, open }) => {
  const session = await open({ flushTimeout: 3_600_000 });
  await session.start();
  let held;
  server.on('submit_answer', ({ socket }) => {
    held = socket;
  });
  session.answer('q_1', 'o_a').catch(() => {});
  await until(() => held);
  const completing = session.complete();
  held.close(4009);
  await assert.rejects(completing, { code: 'attachment_stale' });
});

promise('handing in twice is one hand-in', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const [first, second] = await Promise.all([session.complete(), session.complete()]);
  assert.equal(first, second);
  assert.equal(server.sent('complete_assessment').length, 1);
});
