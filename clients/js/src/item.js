// An item is one answer on its way:
// {assessment_id, question_id, selected_option, client_id, client_seq, base_seq}

export function sameItem(a, b) {
  return a.client_id === b.client_id && a.client_seq === b.client_seq;
}

/** Numbers of two installations cannot be compared: then neither is newer. */
export function isNewer(a, b) {
  return a.client_id === b.client_id && a.client_seq > b.client_seq;
}

/** The data of `submit_answer`: an item without what only the store needs. */
export function wireAnswer({ question_id, selected_option, client_id, client_seq, base_seq }) {
  return { question_id, selected_option, client_id, client_seq, base_seq };
}
