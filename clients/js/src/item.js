// An item is one answer on its way: {assessment_id, question_id, client_id, client_seq, base_seq} and what was given:
// selected_option, selected_options or value; a null selected_option clears.

const GIVEN = ['selected_option', 'selected_options', 'value'];

/** What was given, of an item, a stored response, or what a caller says: an option's id alone will do. */
export function givenOf(answer) {
  if (answer === null || typeof answer === 'string') return { selected_option: answer };
  const said = GIVEN.filter((name) => (answer[name] ?? null) !== null);
  return said.length ? Object.fromEntries(said.map((name) => [name, answer[name]])) : { selected_option: null };
}

/** All three, those not given as null. */
export function spelledOut(given) {
  return Object.fromEntries(GIVEN.map((name) => [name, given[name] ?? null]));
}

export function sameItem(a, b) {
  return a.client_id === b.client_id && a.client_seq === b.client_seq;
}

/** Numbers of two installations cannot be compared: then neither is newer. */
export function isNewer(a, b) {
  return a.client_id === b.client_id && a.client_seq > b.client_seq;
}

/** The data of `submit_answer`: an item without what only the store needs. */
export function wireAnswer({ question_id, client_id, client_seq, base_seq, ...item }) {
  return { question_id, ...givenOf(item), client_id, client_seq, base_seq };
}
