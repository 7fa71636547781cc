import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../index.js';
import { Outbox, headForResume } from '../src/outbox.js';
import { deferred } from '../src/promises.js';

function item(questionId, clientSeq, selectedOption = 'o_a') {
  return {
    assessment_id: 7,
    question_id: questionId,
    selected_option: selectedOption,
    client_id: 'c',
    client_seq: clientSeq,
    base_seq: 0,
  };
}

/** An outbox over a connection that notes what it is given and answers when told to. */
function boxWithLine() {
  const box = new Outbox({ retry: new Backoff({ base: 0 }) });
  const line = { sent: [], answers: [] };
  line.send = (sent) => {
    const answer = deferred();
    line.sent.push(sent);
    line.answers.push(answer);
    return answer.promise;
  };
  return { box, line };
}

const settled = () => new Promise(setImmediate);

test('an item that is under way is not sent twice', () => {
  const { box, line } = boxWithLine();
  box.attach(line.send);
  box.offer(item('q_1', 1));
  box.offer(item('q_1', 1));
  assert.equal(line.sent.length, 1);
});

test('an older answer offered behind a newer one is not sent', () => {
  const { box, line } = boxWithLine();
  box.offer(item('q_1', 2));
  box.offer(item('q_1', 1));
  box.attach(line.send);
  box.offer(item('q_1', 1));
  assert.deepEqual(
    line.sent.map((sent) => sent.client_seq),
    [2],
  );
});

test('of several answers to a question that wait, the newest is sent', () => {
  const { box, line } = boxWithLine();
  for (const clientSeq of [1, 2, 3]) box.offer(item('q_1', clientSeq));
  assert.equal(box.size, 1);
  box.attach(line.send);
  assert.deepEqual(
    line.sent.map((sent) => sent.client_seq),
    [3],
  );
});

test('what was in flight on a lost connection goes over the next one', () => {
  const { box, line } = boxWithLine();
  box.attach(line.send);
  box.offer(item('q_1', 1));
  box.offer(item('q_2', 2));
  box.detach();
  assert.equal(box.size, 2);
  const next = boxWithLine().line;
  box.attach(next.send);
  assert.deepEqual(
    next.sent.map((sent) => sent.client_seq),
    [1, 2],
  );
});

test('a late answer of a lost connection does not count for the next one', async () => {
  const { box, line } = boxWithLine();
  box.attach(line.send);
  box.offer(item('q_1', 1));
  box.detach();
  const next = boxWithLine().line;
  box.attach(next.send);
  line.answers[0].resolve('decided');
  await settled();
  assert.equal(box.size, 1);
});

test('an answer that is to be asked again later gives way to a newer one', async () => {
  const { box, line } = boxWithLine();
  box.attach(line.send);
  box.offer(item('q_1', 1));
  box.offer(item('q_1', 2));
  line.answers[0].resolve('later');
  line.answers[1].resolve('decided');
  await settled();
  assert.equal(box.size, 0);
});

test('while the server wants to be asked later nothing else is sent, until it is', async () => {
  const box = new Outbox({ retry: new Backoff({ base: 3_600_000, cap: 3_600_000, random: () => 0.9 }) });
  const { line } = boxWithLine();
  box.attach(line.send);
  box.offer(item('q_1', 1));
  line.answers[0].resolve('later');
  await settled();
  box.offer(item('q_2', 2));
  assert.equal(line.sent.length, 1);
  box.nudge();
  assert.equal(line.sent.length, 3);
  box.detach();
});

test('after an answer that went through, the next one that must wait waits briefly again', async () => {
  const retry = new Backoff({ base: 0 });
  let resets = 0;
  retry.reset = () => {
    resets += 1;
  };
  const box = new Outbox({ retry });
  const { line } = boxWithLine();
  box.attach(line.send);
  box.offer(item('q_1', 1));
  line.answers[0].resolve('decided');
  await settled();
  assert.equal(resets, 1);
});

test('a resume carries at most fifty answers and 48 KiB', () => {
  const small = Array.from({ length: 60 }, (_, n) => item(`q_${n}`, n));
  assert.equal(headForResume(small).length, 50);
  const large = Array.from({ length: 60 }, (_, n) => item(`q_${n}`, n, 'ö'.repeat(1_000)));
  const head = headForResume(large);
  const bytes = (items) =>
    new TextEncoder().encode(JSON.stringify(items.map(({ assessment_id, ...wire }) => wire))).length;
  assert.ok(bytes(head) <= 48 * 1024);
  assert.ok(bytes(large.slice(0, head.length + 1)) > 48 * 1024);
});
