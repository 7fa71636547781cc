import assert from 'node:assert/strict';
import { event, state, until } from './support/candidate.js';
import { promise } from './support/rig.js';

promise('an answer whose connection fell before it was stored goes along with the resume', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('submit_answer', ({ socket }) => socket.terminate());
  await session.answer('q_1', 'o_a');
  assert.equal(server.responses.get('q_1').selected_option, 'o_a');
  assert.deepEqual(
    server.sent('resume_assessment')[0].data.pending.map((answer) => answer.question_id),
    ['q_1'],
  );
  assert.equal(session.answerTo('q_1').status, 'saved');
});

promise('an answer whose acknowledgement was lost has one effect', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('submit_answer', ({ message, socket }) => {
    server.store(message.data);
    socket.terminate();
  });
  const { seq } = await session.answer('q_1', 'o_a');
  assert.equal(seq, server.responses.get('q_1').seq);
  assert.equal(session.answerTo('q_1').status, 'saved');
});

promise('answers typed without a connection arrive, in bounded portions', async ({ server, open }) => {
  const session = await open({ backoff: { base: 60_000, cap: 60_000 } });
  await session.start();
  const down = state(session, 'reconnecting');
  server.cutAll();
  await down;
  const all = Array.from({ length: 70 }, (_, n) => session.answer(`q_${n}`, `o_${n}`));
  all.push(session.answer('q_3', 'o_changed'));
  await until(() => session.unsent === 70);
  session.signals.dispatchEvent(new Event('online'));
  await Promise.all(all);
  assert.equal(server.responses.get('q_3').selected_option, 'o_changed');
  assert.equal(server.sent('resume_assessment')[0].data.pending.length, 50);
  assert.equal(server.sent('submit_answer').length, 20);
  assert.equal(server.responses.size, 70);
});

promise('a connection that falls again and again loses nothing', async ({ server, open }) => {
  const session = await open();
  await session.start();
  for (let n = 0; n < 12; n += 1) {
    server.on('submit_answer', ({ serve, socket }) => {
      if (n % 2) serve();
      socket.terminate();
    });
    server.on('resume_assessment', ({ serve, socket }) => {
      if (n % 3) serve();
      else socket.terminate();
    });
  }
  const all = Array.from({ length: 30 }, (_, n) => session.answer(`q_${n}`, `o_${n}`));
  await Promise.all(all);
  for (let n = 0; n < 30; n += 1) assert.equal(server.responses.get(`q_${n}`).selected_option, `o_${n}`);
});

promise(
  'after a reload what was not acknowledged is sent, and shown as not saved until then',
  async ({ server, open }) => {
    const first = await open();
    await first.start();
    server.on('submit_answer', () => {});
    first.answer('q_1', 'o_a').catch(() => {});
    await until(() => server.sent('submit_answer').length > 0);
    first.stop();
    const second = await open({ name: first.name });
    let shown;
    server.on('resume_assessment', ({ serve }) => {
      shown = second.answerTo('q_1');
      serve();
    });
    await second.resume(7);
    assert.equal(shown.status, 'pending');
    assert.equal(shown.selected_option, 'o_a');
    assert.equal(second.answerTo('q_1').status, 'saved');
    assert.equal(server.responses.get('q_1').selected_option, 'o_a');
  },
);

promise('after a reload more answers than one resume can carry arrive too', async ({ server, open }) => {
  const { name, store } = await open();
  for (let n = 0; n < 60; n += 1) await store.put(7, `q_${n}`, 'o_a');
  const session = await open({ name });
  await session.resume(7);
  await until(() => server.responses.size === 60);
  await until(() => session.unsent === 0);
  assert.equal(session.answerTo('q_59').status, 'saved');
});

promise('a start whose reply was lost is asked again and resumes from then on', async ({ server, open }) => {
  const session = await open();
  server.on('start_assessment', ({ socket }) => socket.terminate());
  await session.start();
  assert.equal(server.sent('start_assessment').length, 2);
  const live = state(session, 'live');
  server.cutAll();
  await live;
  assert.equal(server.sent('start_assessment').length, 2);
  assert.equal(server.sent('resume_assessment').length, 1);
});

promise('each connection has a ticket of its own and names the test', async ({ server, open }) => {
  const session = await open();
  await session.start();
  assert.match(server.lastUrl, /ticket=t1&test_id=3$/);
  const live = state(session, 'live');
  server.cutAll();
  await live;
  assert.match(server.lastUrl, /ticket=t2/);
});

promise('news of the network coming back ends the waiting', async ({ server, open }) => {
  const session = await open({ backoff: { base: 3_600_000, cap: 3_600_000, random: () => 0.999 } });
  await session.start();
  const down = state(session, 'reconnecting');
  server.cutAll();
  assert.ok((await down).retry_in_seconds > 3_000);
  const live = state(session, 'live');
  session.signals.dispatchEvent(new Event('online'));
  await live;
});

promise('a connection that has fallen silent is given up', async ({ server, open }) => {
  const session = await open({ heartbeatEvery: 20, requestTimeout: 60 });
  await session.start();
  server.on('heartbeat', () => {});
  await state(session, 'reconnecting');
  await state(session, 'live');
});

promise("the remaining time after a resume is the server's", async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.remaining = 42;
  const live = state(session, 'live');
  server.cutAll();
  await live;
  assert.ok(session.remainingSeconds <= 42 && session.remainingSeconds > 41, `${session.remainingSeconds}`);
});

promise('a flag set without a connection is told when it is back', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const down = state(session, 'reconnecting');
  server.cutAll();
  await down;
  assert.equal(await session.flag('q_2', true), false);
  await event(session, 'progress');
  assert.deepEqual(server.sent('flag_question')[0].data, { question_id: 'q_2', flagged: true });
  assert.equal(session.isFlagged('q_2'), true);
});

promise('a question seen before needs no connection', async ({ server, open }) => {
  const session = await open({ backoff: { base: 60_000 } });
  await session.start();
  const question = await session.getQuestion({ question_id: 'q_2' });
  const down = state(session, 'reconnecting');
  server.cutAll();
  await down;
  assert.deepEqual(await session.getQuestion({ position: 2 }), question);
  await assert.rejects(session.getQuestion({ question_id: 'q_3' }), { code: 'connection_lost' });
});
