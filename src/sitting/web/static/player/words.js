const SENTENCES = {
  test_not_open: 'This test is not open at this time.',
  attempts_exhausted: 'You have used all your attempts at this test.',
  answer_superseded: 'A newer answer from another device counts; it is shown now.',
  late: 'This answer came after the end. It is kept for the examiners, but does not count by itself.',
  deadline_passed: 'The time was over before this could be done.',
  assessment_over: 'This test is over.',
  not_authenticated: 'Your access has ended. Please open your invitation link again.',
  answer_locked: 'This question is closed; its answer can no longer be changed.',
  navigation_not_allowed: 'Questions come one after the other in this test; this one is closed.',
  paused: 'The test is paused.',
};

/** What to tell a candidate about a code of the protocol. */
export function sentence(code, fallback = 'That was not possible.') {
  return SENTENCES[code] ?? fallback;
}

/** `number` may be written out already. */
export function count(number, one, many = `${one}s`) {
  return `${number} ${String(number) === '1' ? one : many}`;
}

/** 65 → "1:05", 3661 → "1:01:01". Rounded up, so that 0:00 means that nothing is left. */
export function clockTime(seconds) {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, '0'));
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${parts.join(':')}` : `${Number(parts[0])}:${parts[1]}`;
}

/** 300 → "5 minutes", 10 → "10 seconds". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  return whole >= 60 ? count(Math.round(whole / 60), 'minute') : count(whole, 'second');
}

export function number(value) {
  return new Intl.NumberFormat('en', { maximumFractionDigits: 2 }).format(value);
}

export function moment(text) {
  const options = { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' };
  return new Intl.DateTimeFormat('en-GB', options).format(new Date(text));
}

/** Turns times that the server wrote in UTC into the reader's own. */
export function showLocalTimes(root) {
  for (const time of root.querySelectorAll('time[data-local]')) time.textContent = moment(time.dateTime);
}
