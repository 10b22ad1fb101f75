import { RequestError } from "../../plugins/mod.ts";
import {
  connectReason,
  firstOf,
  hintFor,
  isClientRefused,
  ownCode,
  through,
  type Tried,
} from "../connect/connect_reason.ts";
import { systemCodeOf } from "../connect/system_code.ts";
import { withCode } from "../connect/words.ts";

/** How far a request had come when its connection failed. */
export interface Progress extends Tried {
  /** Whether its connection was open. */
  readonly isOpen: boolean;
  /** Whether anything of the response had come, were it half of its first line. */
  readonly isAnswered: boolean;
  /** Whether the server said that it did not look at the request, as HTTP/2 lets it. */
  readonly isRefused: boolean;
  /** Whether all of its headers had. */
  readonly hasHeaders: boolean;
  /** How long a used connection that the server has closed lay idle before, in milliseconds; `undefined` for others. */
  readonly idleMs: number | undefined;
  /** How long ago the request was sent, in milliseconds. */
  readonly waitedMs: number;
}

/** A closing that crosses with a request is known a round trip later: what takes longer has the request as its cause. */
const CROSSING_MS = 1000;

/**
 * Whether a used connection closed as the request was on its way: the server had closed it before the request arrived,
 * as far as anybody can know.
 */
function isStale({ isAnswered, idleMs, waitedMs }: Progress): boolean {
  return !isAnswered && idleMs !== undefined && waitedMs <= CROSSING_MS;
}

/** Whether no server can have begun to work on a request whose connection failed, as far as anybody can know. */
export function isUntouched(progress: Progress): boolean {
  return progress.isRefused || isStale(progress);
}

/** What became of a connection, in the words of docs/failures.md. */
export function faultOf(error: Error, progress: Progress): Error {
  const cause = firstOf(error);
  const code = systemCodeOf(cause);
  if (code === "UND_ERR_INVALID_ARG") return cause;
  const isRefused = !progress.hasHeaders && isClientRefused(cause);
  if (!progress.isOpen || isRefused) return connectFault(cause, progress);
  const [failure, message] = tell(cause, code, progress);
  const known = ownCode(code);
  const words = withCode(cause.message, known);
  return new RequestError(
    failure,
    `${message}: ${words}${hintFor(cause, known, progress)}`,
    { code: known },
  );
}

/** The connection was not opened. */
function connectFault(cause: Error, tried: Tried): RequestError {
  if (cause instanceof RequestError) return cause;
  const { words, code } = connectReason(cause, tried);
  return new RequestError(
    "connect_error",
    `Cannot connect${through(tried.proxy)}: ${words}`,
    { code },
  );
}

function tell(
  cause: Error,
  code: string | undefined,
  progress: Progress,
): readonly [failure: string, message: string] {
  if (isNonsense(cause, code, progress.hasHeaders)) {
    return [
      "protocol_error",
      "Cannot understand the server as it must speak HTTP",
    ];
  }
  if (progress.hasHeaders) {
    return ["closed", "The connection closed in the middle of the response"];
  }
  if (progress.isAnswered) {
    return [
      "closed",
      "The connection closed before all headers of the response had come",
    ];
  }
  if (!isStale(progress)) {
    if (progress.isRefused) {
      return ["closed", "The server refused the request without a look at it"];
    }
    return ["closed", "The connection closed before the response"];
  }
  const idleMs = Math.round(progress.idleMs ?? 0);
  return [
    "stale_connection",
    `The connection closed as it was used again, idle for ${idleMs} ms before (retryStale=true sends the request again, reuse=false rules that out)`,
  ];
}

/** Bytes that are no HTTP, in place of a socket that has closed too soon. */
function isNonsense(
  cause: Error,
  code: string | undefined,
  hasHeaders: boolean,
): boolean {
  if (code === "UND_ERR_HEADERS_OVERFLOW" || code === "ERR_HTTP2_ERROR") {
    return true;
  }
  // Undici's word for a head that contradicts itself, and for a body that a closing has cut short.
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return !hasHeaders;
  const isParser = cause.name === "HTTPParserError";
  const isCut = code === "HPE_INVALID_EOF_STATE" ||
    /invalid eof/i.test(cause.message);
  return (isParser && !isCut) || /^bad (response|upgrade)$/.test(cause.message);
}
