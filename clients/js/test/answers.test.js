import assert from 'node:assert/strict';
import { event, until } from './support/candidate.js';
import { promise } from './support/rig.js';

promise('an answer is called saved when the server has said so, not before', async ({ server, open }) => {
  const session = await open();
  await session.start();
  let release;
  server.on('submit_answer', ({ serve }) => {
    release = serve;
  });
  const arrived = event(session, 'saved');
  const answered = session.answer('q_1', 'o_a');
  await until(() => release);
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: 'o_a', status: 'pending' });
  release();
  assert.equal((await answered).seq, server.responses.get('q_1').seq);
  assert.equal((await arrived).question_id, 'q_1');
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: 'o_a', status: 'saved' });
  assert.deepEqual(await session.store.pending(7), []);
});

promise('an answer shows at once, before the disk has it', async ({ open }) => {
  const session = await open();
  await session.start();
  const answers = [session.answer('q_1', 'o_a'), session.answer('q_1', 'o_b')];
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: 'o_b', status: 'pending' });
  assert.equal(session.unsent, 2);
  await Promise.all(answers);
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: 'o_b', status: 'saved' });
});

promise('an answer is on this device before it is on the wire', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const stored = new Promise((resolve) => {
    server.on('submit_answer', ({ serve }) => resolve(session.store.pending(7).finally(serve)));
  });
  await session.answer('q_1', 'o_a');
  assert.equal((await stored)[0].selected_option, 'o_a');
});

promise('an answer carries installation, number and the version that it was typed over', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const { seq } = await session.answer('q_1', 'o_a');
  await session.answer('q_1', null);
  const [first, second] = server.sent('submit_answer').map(({ data }) => data);
  assert.equal(first.base_seq, 0);
  assert.equal(second.base_seq, seq);
  assert.equal(second.client_id, first.client_id);
  assert.ok(second.client_seq > first.client_seq);
  assert.deepEqual(Object.keys(first), ['question_id', 'selected_option', 'client_id', 'client_seq', 'base_seq']);
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: null, status: 'saved' });
});

promise('the acknowledgement of an older answer does not call a newer one saved', async ({ server, open }) => {
  const session = await open();
  await session.start();
  let holdSecond;
  server.on('submit_answer', ({ serve }) => serve());
  server.on('submit_answer', ({ serve }) => {
    holdSecond = serve;
  });
  const acked = event(session, 'saved');
  const older = session.answer('q_1', 'o_a');
  const newer = session.answer('q_1', 'o_b');
  await acked;
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: 'o_b', status: 'pending' });
  assert.equal(await older, null);
  await until(() => holdSecond);
  holdSecond();
  await newer;
  assert.equal(session.answerTo('q_1').status, 'saved');
});

promise('never more than sixteen answers are in flight', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const held = [];
  for (let n = 0; n < 40; n += 1) server.on('submit_answer', ({ serve }) => held.push(serve));
  const all = Array.from({ length: 40 }, (_, n) => session.answer(`q_${n}`, 'o_a'));
  assert.equal((await session.store.pending(7)).length, 40);
  await session.flag('q_1', true); // its reply says that the server has read all that was sent before
  assert.equal(held.length, 16);
  held[0]();
  await until(() => held.length === 17);
  await until(() => {
    held.splice(0).forEach((serve) => serve());
    return server.responses.size === 40;
  });
  await Promise.all(all);
});

promise('an answer that the server cannot store right now is sent again until it can', async ({ server, open }) => {
  const session = await open();
  await session.start();
  for (let n = 0; n < 3; n += 1) server.on('submit_answer', refuseWith({ code: 'unavailable', retryable: true }));
  await session.answer('q_1', 'o_a');
  assert.equal(server.sent('submit_answer').length, 4);
  assert.equal(new Set(server.sent('submit_answer').map(({ data }) => data.client_seq)).size, 1);
});

promise('an answer typed during a pause is sent when the pause ends', async ({ server, open }) => {
  const session = await open({ backoff: { base: 3_600_000, cap: 3_600_000, random: () => 0.9 } });
  await session.start();
  server.on('submit_answer', refuseWith({ code: 'paused', retryable: false }));
  const answered = session.answer('q_1', 'o_a');
  await until(() => server.sent('submit_answer').length === 1);
  server.push('paused', { reason: 'break' });
  await event(session, 'paused', ({ paused }) => paused);
  assert.equal(session.answerTo('q_1').status, 'pending');
  server.push('unpaused', { reason: 'break' });
  await answered;
  assert.equal(server.responses.get('q_1').selected_option, 'o_a');
});

promise('a refused answer is told, and what the server stores stands', async ({ server, open }) => {
  const session = await open();
  await session.start();
  await session.answer('q_1', 'o_a');
  server.on('submit_answer', refuseWith({ code: 'invalid_answer', retryable: false }));
  const told = event(session, 'problem');
  await assert.rejects(session.answer('q_1', 'o_x'), { code: 'invalid_answer' });
  assert.equal((await told).question_id, 'q_1');
  assert.deepEqual(pick(session.answerTo('q_1')), { selected_option: 'o_a', status: 'refused' });
  assert.deepEqual(await session.store.pending(7), []);
});

promise(
  'numbers that a copied profile has used are replaced, and the answer goes through',
  async ({ server, open }) => {
    const session = await open();
    await session.start();
    server.on('submit_answer', refuseWith({ code: 'client_seq_conflict', retryable: false }));
    await session.answer('q_1', 'o_a');
    const [first, second] = server.sent('submit_answer').map(({ data }) => data);
    assert.notEqual(second.client_id, first.client_id);
    assert.equal(server.responses.get('q_1').selected_option, 'o_a');
  },
);

promise('a browser that keeps nothing is told of, once, and can take the test', async ({ open }) => {
  const session = await open({ name: undefined, store: undefined });
  const warnings = [];
  session.addEventListener('warning', ({ detail }) => warnings.push(detail.kind));
  await session.start();
  await session.answer('q_1', 'o_a');
  await session.answer('q_2', 'o_a');
  assert.deepEqual(warnings, ['not_durable']);
});

function refuseWith(data) {
  return ({ socket, message }) =>
    socket.send(JSON.stringify({ type: 'error', data: { error: 'No.', details: {}, ...data }, reply_to: message.id }));
}

promise('choices and typed texts are sent as what they are, and come back after a reload', async ({ server, open }) => {
  const session = await open();
  await session.start();
  await Promise.all([
    session.answer('q_1', { selected_options: ['o_a', 'o_c'] }),
    session.answer('q_2', { value: '42' }),
    session.answer('q_3', { value: null }),
  ]);
  const sent = server.sent('submit_answer').map(({ data }) => data);
  const by = (id) => Object.keys(sent.find(({ question_id }) => question_id === id)).slice(1, 2);
  assert.deepEqual([by('q_1'), by('q_2'), by('q_3')], [['selected_options'], ['value'], ['selected_option']]);
  session.stop();
  const again = await open();
  await again.resume(7);
  assert.deepEqual(again.answerTo('q_1').selected_options, ['o_a', 'o_c']);
  assert.equal(again.answerTo('q_2').value, '42');
  assert.equal(again.answerTo('q_2').selected_option, null);
});

promise('feedback is kept with its question', async ({ server, open }) => {
  const session = await open();
  await session.start();
  const told = event(session, 'feedback');
  server.push('answer_feedback', { question_id: 'q_1', correct: false, correct_option: 'o_b', explanation: 'Since …' });
  assert.equal((await told).correct_option, 'o_b');
  assert.equal(session.feedbackTo('q_1').explanation, 'Since …');
  assert.equal(session.feedbackTo('q_2'), null);
});

function pick({ selected_option, status }) {
  return { selected_option, status };
}
