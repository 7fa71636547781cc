export { Backoff } from './src/backoff.js';
export { ServerClock } from './src/clock.js';
export { ConnectionLost, ProtocolError, UnsentAnswers } from './src/errors.js';
export { PendingStore } from './src/pending-store.js';
export { AssessmentSession } from './src/session.js';
export { Connection, closeVerdict, socketUrl } from './src/socket.js';
