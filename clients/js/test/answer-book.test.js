import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerBook } from '../src/answer-book.js';

function item(clientSeq, selectedOption) {
  return { question_id: 'q_1', selected_option: selectedOption, client_id: 'c', client_seq: clientSeq };
}

test('what was typed last is shown, in whatever order the disk and the server confirm', () => {
  const book = new AnswerBook();
  const [first, second] = [book.draft('q_1', 'o_a'), book.draft('q_1', 'o_b')];
  const shown = () => [book.read('q_1').selected_option, book.read('q_1').status];
  book.typed(item(1, 'o_a'), first);
  assert.deepEqual(shown(), ['o_b', 'pending']);
  book.stored(item(1, 'o_a'), { seq: 3 });
  assert.deepEqual(shown(), ['o_b', 'pending']);
  book.typed(item(2, 'o_b'), second);
  book.refused(item(1, 'o_a'), 'invalid_answer');
  assert.deepEqual(shown(), ['o_b', 'pending']);
  book.stored(item(2, 'o_b'), { seq: 4 });
  assert.deepEqual(shown(), ['o_b', 'saved']);
});

test('an acknowledgement of an older version does not take the stored one back', () => {
  const book = new AnswerBook();
  book.load([{ question_id: 'q_1', selected_option: 'o_b', seq: 9, saved_at: 'then' }]);
  book.stored(item(1, 'o_a'), { seq: 3 });
  assert.equal(book.read('q_1').selected_option, 'o_b');
});

test('a question that nobody answered has no answer', () => {
  assert.deepEqual(new AnswerBook().read('q_7'), {
    selected_option: null,
    selected_options: null,
    value: null,
    status: 'none',
    saved_at: null,
    refusal: null,
  });
});
