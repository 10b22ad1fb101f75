/** What a server sent that made the client end the socket. */
export interface Violation {
  /** The class of the failure: see docs/failures.md. */
  readonly class: "protocol_error" | "too_large";
  /** What the server did, in words. */
  readonly message: string;
}

/** The most that one incoming message may hold. Events of a transcription are far below it. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** The most frames that one incoming message may come in. */
export const MAX_MESSAGE_FRAGMENTS = 16 * 1024;

/** Rules of RFC 6455 that servers break. */
export const RULE = {
  reservedBits: "reserved bits must be 0",
  mask: "frames from a server must not be masked",
  controlFragment: "control frames must not be fragmented",
  text: "text must be valid UTF-8",
  close: "a close frame must have a valid code",
} as const;

/** A rule of the protocol was broken. */
export function violation(rule: string): Violation {
  return {
    class: "protocol_error",
    message: `The server broke the WebSocket protocol: ${rule}`,
  };
}

/** An answer to the upgrade that is not one. */
export function badUpgrade(rule: string): Violation {
  return {
    class: "protocol_error",
    message: `The server's answer to the upgrade is not valid: ${rule}`,
  };
}

/** A message beyond {@linkcode MAX_MESSAGE_BYTES} or {@linkcode MAX_MESSAGE_FRAGMENTS}. */
export function tooLarge(): Violation {
  return {
    class: "too_large",
    message: `The server sent a message of more than ${
      MAX_MESSAGE_BYTES / 1024 / 1024
    } MiB, or in more than ${MAX_MESSAGE_FRAGMENTS} fragments`,
  };
}
