import { devNull } from "node:os";
import {
  clientLimit,
  isRequestError,
  RequestError,
  systemCodeOf,
} from "../../plugins/mod.ts";
import type { Proxy } from "./endpoint.ts";
import { withCode } from "./server_text.ts";

/** The error of bytes from a server that are not HTTP. */
export class NotHttpError extends Error {
  override readonly name = "NotHttpError";
}

/** The kind of connection that failed. */
export interface Attempted {
  /** Whether the connection is without TLS. @default {false} */
  readonly isPlain?: boolean | undefined;
  /** The proxy on the way to the server. */
  readonly proxy?: Proxy | undefined;
}

/** State of a request when its connection failed. */
export interface Progress extends Attempted {
  /** Whether the connection was open. */
  readonly isOpen: boolean;
  /** Whether any byte of the response was received. */
  readonly isAnswered: boolean;
  /** Whether the server reported that it did not process the request, as HTTP/2 allows. */
  readonly isRefused: boolean;
  /** Whether all headers of the response were received. */
  readonly hasHeaders: boolean;
  /** Idle time of a reused connection that the server has closed, in milliseconds; `undefined` for others. */
  readonly idleMs: number | undefined;
  /** Time since the request was sent, in milliseconds. */
  readonly waitedMs: number;
}

/** The failure of a connection, by class as in docs/failures.md. */
export function connectionFailure(error: Error, progress: Progress): Error {
  const cause = mainError(error);
  const code = errorCode(cause);
  if (code === "UND_ERR_INVALID_ARG") return cause;
  const isRefused = !progress.hasHeaders && isClientRejected(cause);
  if (!progress.isOpen || isRefused) return connectFailure(cause, progress);
  const [failure, message] = classify(cause, code, progress);
  const { text, code: shown } = connectReason(cause, progress);
  return new RequestError(failure, `${message}: ${text}`, { code: shown });
}

/** The failure of a connection that did not open. */
export function connectFailure(
  cause: Error,
  attempted: Attempted,
): RequestError {
  if (isRequestError(cause)) return cause;
  const { text, code } = connectReason(cause, attempted);
  const message = `Cannot connect${through(attempted.proxy)}: ${text}`;
  return new RequestError("connect_error", message, { code, cause });
}

function classify(
  cause: Error,
  code: string | undefined,
  progress: Progress,
): readonly [failure: string, message: string] {
  if (isProtocolError(cause, code, progress.hasHeaders)) {
    return ["protocol_error", "The server must speak HTTP"];
  }
  if (progress.hasHeaders) {
    return ["closed", "The connection closed in the middle of the response"];
  }
  if (progress.isAnswered) {
    return ["closed", "The connection closed within the response's headers"];
  }
  if (isStale(progress)) {
    const idleMs = Math.round(progress.idleMs ?? 0);
    return [
      "stale_connection",
      `The connection closed while it was reused, after ${idleMs} ms idle (retryStale=true sends the request again, reuse=false avoids reuse)`,
    ];
  }
  return [
    "closed",
    progress.isRefused
      ? "The server refused the request without processing it"
      : "The connection closed before the response",
  ];
}

/** A close that crosses a request on the way is known within a round trip. One that comes later than this was caused by the request. */
const CROSSING_MS = 1000;

/** Whether a reused connection closed while the request was on its way: as far as is known, the close came first. */
function isStale({ isAnswered, idleMs, waitedMs }: Progress): boolean {
  return !isAnswered && idleMs !== undefined && waitedMs <= CROSSING_MS;
}

/** Whether, as far as is known, no server can have begun to process the request. */
export function isUnprocessed(progress: Progress): boolean {
  return progress.isRefused || isStale(progress);
}

/** Whether the bytes received are not HTTP, as opposed to a socket that closed too early. */
function isProtocolError(
  cause: Error,
  code: string | undefined,
  hasHeaders: boolean,
): boolean {
  if (code === "UND_ERR_HEADERS_OVERFLOW" || code === "ERR_HTTP2_ERROR") {
    return true;
  }
  // Undici's code for headers that contradict each other, and for a body that a close has cut short.
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return !hasHeaders;
  if (cause instanceof NotHttpError) return true;
  const isParser = cause.name === "HTTPParserError";
  const isCut = code === "HPE_INVALID_EOF_STATE" ||
    /invalid eof/i.test(cause.message);
  return (isParser && !isCut) || /^bad (response|upgrade)$/.test(cause.message);
}

/** The timeouts of requests and utterances, by the class of their failures. */
export type Timeout = keyof typeof TIMEOUTS;

const TIMEOUTS = {
  connect_timeout: "The connection did not open",
  ready_timeout: "The session was not ready",
  headers_timeout: "The server did not begin to answer",
  receive_timeout: "The server stopped sending",
  request_timeout: "The request did not finish",
  final_timeout: "The transcript did not arrive after the end of the audio",
};

/** The failure of a request that has reached a timeout. */
export function timeoutError(timeout: Timeout, ms: number): RequestError {
  return new RequestError(timeout, `${TIMEOUTS[timeout]}: waited ${ms} ms`);
}

/** The reason why a connection failed. */
export interface ConnectReason {
  /** The error's message with its code and, in brackets, what to do about it. */
  readonly text: string;
  /** The system's error code, if there is one. */
  readonly code: string | undefined;
}

/** The reason why a connection failed, for people. */
export function connectReason(
  error: Error,
  attempted: Attempted,
): ConnectReason {
  const cause = mainError(error);
  const found = errorCode(cause);
  // Codes of undici itself mean nothing to people.
  const code = found?.startsWith("UND_ERR_") ? undefined : found;
  const hint = hintFor(cause, code ?? "", attempted);
  return {
    text: withCode(cause.message, code) + (hint && ` (${hint})`),
    code,
  };
}

/** Names the proxy of a connection; empty without one. */
export function through(proxy: Proxy | undefined): string {
  return proxy ? ` through the proxy ${proxy.url.host}` : "";
}

/**
 * The error that represents all of an AggregateError: the first, unless another one shows that this machine has reached
 * a limit. The first address may be one that the server does not listen on.
 */
export function mainError(error: Error): Error {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [];
  const main =
    errors.find((each) => each instanceof Error && clientLimitIn(each)) ??
      errors[0];
  return main instanceof Error ? main : error;
}

function hintFor(
  cause: Error,
  code: string,
  { isPlain, proxy }: Attempted,
): string {
  // Deno's own message: certificateError leaves it for a signature that does not match the certificate.
  if (cause.message === "unable to verify the first certificate") {
    return "the server did not prove that it owns its certificate";
  }
  const certificate = CERTIFICATE_HINTS[code];
  if (certificate) return certificate;
  if (isClientRejected(cause)) {
    return /CertificateRequired/.test(cause.message)
      ? "the server requires a client certificate: see clientCert"
      : "the server rejects the client's certificate: see clientCert";
  }
  if (/certificate|unknownissuer/i.test(`${code} ${cause.message}`)) {
    return "caCert names the certificates to trust, insecure=true accepts any";
  }
  if (/^(ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)$/.test(code)) {
    return "the server may speak http, not https: see target";
  }
  if (isPlain && /expected http\//i.test(cause.message)) {
    return "the server may speak https, not http: see target";
  }
  if (cause.message === "bad response") {
    return "a response without a request";
  }
  if (cause.message === "bad upgrade") {
    return "a switch to another protocol, which the request did not ask for";
  }
  if (proxy && PROXY_CODES.test(code)) {
    return `see ${proxy.variable}; NO_PROXY lists hosts to connect to directly`;
  }
  const limit = clientLimit(code);
  return limit ? `${limit.limit}: ${limit.remedy}` : HINTS[code] ?? "";
}

/** Codes that concern the proxy if there is one, as the client does not connect to the server itself. */
const PROXY_CODES = /^(ECONN|ENOTFOUND$|EAI_AGAIN$|EHOSTUNREACH$|ENETUNREACH$)/;

/** Certificate errors for which naming an issuer would not help. */
const CERTIFICATE_HINTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED:
    "the server needs a new one, or this machine's clock is wrong; insecure=true accepts any",
  CERT_NOT_YET_VALID:
    "the server's or this machine's clock may be wrong; insecure=true accepts any",
  CERT_REJECTED:
    "it may not be for servers, or have an outdated form; insecure=true accepts any",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "target must use a name of the certificate; insecure=true accepts any",
};

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is the server running, and the port right?",
  ENOTFOUND: "unknown host: see target",
  EAI_AGAIN: "the name cannot be resolved at the moment",
};

/** The error's code if it is a limit of this machine. */
export function clientLimitIn(error: Error | undefined): string | undefined {
  const code = errorCode(error);
  return clientLimit(code) && code;
}

/** Whether the server has rejected the client's certificate. With TLS 1.3 this is known only after connecting. */
function isClientRejected({ message }: Error): boolean {
  return /^received fatal alert: (\w*Certificate\w*|UnknownCA|AccessDenied)$/
    .test(message);
}

/**
 * Code of an error such as `ECONNREFUSED`; if several addresses were tried, that of the first. It is `EMFILE` for a
 * name that cannot be resolved because no more files may be opened, although getaddrinfo reports an unknown host.
 */
export function errorCode(error: unknown): string | undefined {
  const code = codeIn(error);
  return code === "ENOTFOUND" || code === "EAI_AGAIN"
    ? fileLimit() ?? code
    : code;
}

function codeIn(error: unknown): string | undefined {
  return systemCodeOf(error, ANY_CODE);
}

/** Also codes of the TLS, HTTP and WebSocket libraries. */
const ANY_CODE = /^[A-Z][A-Z0-9_]+$/;

/** Files that looking up a name opens, and that other requests may have closed again since it failed. */
const LOOKUP_FILES = 8;

/** `EMFILE` or `ENFILE` if so few files can be opened now that a name cannot be looked up. */
function fileLimit(): string | undefined {
  const read = { name: "read", path: devNull } as const;
  if (Deno.permissions.querySync(read).state !== "granted") return undefined;
  using files = new DisposableStack();
  try {
    for (let i = 0; i < LOOKUP_FILES; i++) files.use(Deno.openSync(devNull));
  } catch (error) {
    const code = codeIn(error);
    return code === "EMFILE" || code === "ENFILE" ? code : undefined;
  }
}
