/** A refusal by the REST interface; `code` is the protocol's, `message` a sentence safe to show. */
export class ApiError extends Error {
  constructor(status, { code, detail, title } = {}) {
    super(detail ?? title ?? 'The server does not answer as it should.');
    this.code = code ?? 'internal_error';
    this.retryable = status >= 500 || status === 429 || status === 408;
  }
}

async function call(path, options) {
  const response = await fetch(`/api/v1/${path}`, { headers: { accept: 'application/json' }, ...options });
  const body = await response.json().catch(() => undefined);
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

/** What stands about one application of the candidate who is logged in here. */
export async function fetchApplication(applicationId) {
  for (let query = ''; ;) {
    const { items, next } = await call(`me/applications${query}`);
    const found = items.find((item) => item.application_id === applicationId);
    if (found) return found;
    if (!next) throw new ApiError(404, { code: 'application_not_found', detail: 'This invitation is not yours.' });
    query = `?after=${encodeURIComponent(next)}`;
  }
}

export async function fetchTicket() {
  return (await call('ws-tickets', { method: 'POST' })).ticket;
}

export function fetchResults(assessmentId) {
  return call(`assessments/${assessmentId}/results`);
}

/** The whole paper with what is right; empty if that is not shown, or not yet. */
export function fetchReview(assessmentId) {
  return call(`assessments/${assessmentId}/responses`)
    .then(({ items }) => items)
    .catch(() => []);
}

/** The signed end of the assessment's log; null if there is none to show. */
export function fetchReceipt(assessmentId) {
  return call(`assessments/${assessmentId}/receipt`).catch(() => null);
}
