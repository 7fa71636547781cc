import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../src/backoff.js';
import { ProtocolError } from '../src/errors.js';
import { Link } from '../src/link.js';

test('a start that was turned away is sent again no sooner than the server asked', async () => {
  const refusal = { code: 'unavailable', error: 'Later.', retryable: true, details: { retry_after_seconds: 7.5 } };
  const delays = [];
  const link = new Link({
    dial: async () => ({ drop() {} }),
    greet: () => Promise.reject(new ProtocolError(refusal)),
    onUp() {},
    onDown({ delay }) {
      delays.push(delay);
      link.stop();
    },
    backoff: new Backoff({ random: () => 0 }),
  });
  setTimeout(() => link.stop(), 50); // wakes it from the sleep
  await link.run();
  assert.deepEqual(delays, [7500]);
});
