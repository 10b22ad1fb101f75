import type { RequestError } from "../../../plugins/mod.ts";
import {
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_FRAGMENTS,
  RULE,
  tooLarge,
  violation,
} from "./transport.ts";

/**
 * Checks the next bytes of a server's stream against RFC 6455 and a maximum size. Returns the first violation in them.
 * Only headers are checked; payloads are skipped.
 */
export type FrameGuard = (chunk: Uint8Array) => Breach | undefined;

/** A violation and its position. */
export interface Breach {
  readonly violation: RequestError;
  /** Number of bytes in the chunk before the frame that is not valid. */
  readonly at: number;
}

const CONTINUATION = 0;
const BINARY = 2;
const CLOSE = 8;
const PONG = 10;
const MAX_CONTROL_BYTES = 125;
/** Two bytes and the longest form of a length. */
const MAX_HEADER_BYTES = 10;

/**
 * Creates a guard. By itself Deno's WebSocket accepts masked frames, and messages in any number of fragments.
 *
 * @param onMessage Called for each message of text or bytes whose last byte was read, with the number of bytes behind it
 * in the chunk.
 */
export function frameGuard(
  onMessage: (bytesBehind: number) => void = () => {},
): FrameGuard {
  const header = new Uint8Array(MAX_HEADER_BYTES);
  const view = new DataView(header.buffer);
  let headerBytes = 0;
  let payloadLeft = 0;
  /** The message whose frames are arriving; `undefined` between two. */
  let message: { bytes: number; fragments: number } | undefined;
  let isClosed = false;
  /** Whether the message ends with the frame that is arriving. */
  let isLast = false;

  function check(length: number): RequestError | undefined {
    const first = header[0]!;
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if (first & 0x70) return violation(RULE.reservedBits);
    if (header[1]! & 0x80) return violation(RULE.mask);
    if (opcode === CLOSE) isClosed = true;
    if (opcode >= CLOSE && opcode <= PONG) return checkControl(isFinal, length);
    if (opcode > BINARY) return violation(`opcode ${opcode} is not defined`);
    if (opcode === CONTINUATION && message === undefined) {
      return violation("a continuation must follow a first fragment");
    }
    if (opcode !== CONTINUATION && message !== undefined) {
      return violation("a message must end before the next one begins");
    }
    message ??= { bytes: 0, fragments: 0 };
    message.bytes += length;
    message.fragments++;
    if (
      message.bytes > MAX_MESSAGE_BYTES ||
      message.fragments > MAX_MESSAGE_FRAGMENTS
    ) return tooLarge();
    if (!isFinal) return;
    message = undefined;
    isLast = true;
  }

  function endFrame(bytesBehind: number): void {
    if (isLast) onMessage(bytesBehind);
    isLast = false;
  }

  return (chunk) => {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      // Bytes after a close frame are ignored.
      if (isClosed) return;
      if (payloadLeft > 0) {
        const skipped = Math.min(payloadLeft, chunk.length - at);
        payloadLeft -= skipped;
        at += skipped;
        if (payloadLeft === 0) endFrame(chunk.length - at);
        continue;
      }
      if (headerBytes === 0) start = at;
      header[headerBytes++] = chunk[at++]!;
      if (headerBytes < headerLength(header, headerBytes)) continue;
      const length = payloadLength(view);
      const found = check(length);
      if (found) return { violation: found, at: start };
      headerBytes = 0;
      payloadLeft = length;
      if (length === 0) endFrame(chunk.length - at);
    }
  };
}

function checkControl(
  isFinal: boolean,
  length: number,
): RequestError | undefined {
  if (!isFinal) return violation(RULE.controlFragment);
  if (length > MAX_CONTROL_BYTES) {
    return violation(
      `control frames must not be longer than ${MAX_CONTROL_BYTES} bytes`,
    );
  }
}

/** Length of a header without a mask, as far as it is known. */
function headerLength(header: Uint8Array, known: number): number {
  if (known < 2) return 2;
  const length = header[1]! & 0x7f;
  return length === 127 ? 10 : length === 126 ? 4 : 2;
}

function payloadLength(header: DataView): number {
  const length = header.getUint8(1) & 0x7f;
  if (length === 126) return header.getUint16(2);
  if (length === 127) return Number(header.getBigUint64(2));
  return length;
}
