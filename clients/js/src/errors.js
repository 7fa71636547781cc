/** The server refused something. `code` is one of the protocol's error codes, `message` a sentence safe to show. */
export class ProtocolError extends Error {
  constructor({ code, error, retryable = false, details = null }) {
    super(error ?? code);
    this.name = 'ProtocolError';
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }
}

/** The connection went away, or never came. Whether the server did what was asked is unknown. */
export class ConnectionLost extends Error {
  constructor(closeCode, message = 'The connection was lost.') {
    super(message);
    this.name = 'ConnectionLost';
    this.code = 'connection_lost';
    this.closeCode = closeCode;
    this.retryable = true;
  }
}

/** The test was not handed in, because `count` answers could not be delivered first. */
export class UnsentAnswers extends Error {
  constructor(count) {
    super(`${count} answers have not reached the server yet.`);
    this.name = 'UnsentAnswers';
    this.code = 'unsent_answers';
    this.count = count;
    this.retryable = true;
  }
}
