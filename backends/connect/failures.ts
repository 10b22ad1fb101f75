import type { Proxy } from "./endpoint.ts";
import { withCode } from "./server_text.ts";
import { systemCodeOf } from "./system_code.ts";
import { clientLimit, RequestError } from "../../plugins/mod.ts";

/** Why there is no connection. */
export interface ConnectReason {
  /** What happened, and what may be the matter. */
  readonly words: string;
  /** The system's code, where it has one. */
  readonly code: string | undefined;
}

/** The way that was tried. */
export interface Tried {
  /** Whether it is one without TLS. @default {false} */
  readonly isPlain?: boolean | undefined;
  /** What stands between. */
  readonly proxy?: Proxy | undefined;
}

/** What a failed connection says to people. */
export function connectReason(error: Error, tried: Tried): ConnectReason {
  const cause = firstOf(error);
  const code = ownCode(systemCodeOf(cause));
  const hint = hintFor(cause, code, tried);
  return { words: withCode(cause.message, code) + hint, code };
}

/** Names the proxy that a request goes by; says nothing where it goes straight. */
export function through(proxy: Proxy | undefined): string {
  return proxy ? ` through the proxy ${proxy.url.host}` : "";
}

/**
 * Where several addresses were tried, the first one's error says it, unless this machine's limit was met at another: the
 * first may be an address that the server does not listen on.
 */
export function firstOf(cause: Error): Error {
  const errors: unknown[] = cause instanceof AggregateError ? cause.errors : [];
  const first =
    errors.find((error) => error instanceof Error && ownLimitIn(error)) ??
      errors[0];
  return first instanceof Error ? first : cause;
}

/** The library's own codes say nothing to people. */
export function ownCode(code: string | undefined): string | undefined {
  return code?.startsWith("UND_ERR_") ? undefined : code;
}

/** What may be the matter, in brackets; nothing where nobody knows. */
export function hintFor(
  cause: Error,
  code: string | undefined,
  tried: Tried,
): string {
  const hint = hintIn(cause, code ?? "", tried);
  return hint && ` (${hint})`;
}

function hintIn(
  cause: Error,
  code: string,
  { isPlain, proxy }: Tried,
): string {
  // Deno's own words: with certificateError, they are left for a signature that does not fit the certificate.
  if (cause.message === "unable to verify the first certificate") {
    return "the server did not prove that its certificate is its own";
  }
  const certificate = CERTIFICATES[code];
  if (certificate) return certificate;
  if (isClientRefused(cause)) {
    return /CertificateRequired/.test(cause.message)
      ? "the server wants a certificate of the client: see clientCert"
      : "the server does not accept the client's certificate: see clientCert";
  }
  if (/certificate|unknownissuer/i.test(`${code} ${cause.message}`)) {
    return TRUST;
  }
  if (/^(ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)$/.test(code)) {
    return "the server may speak http, not https: see target";
  }
  if (isPlain && /expected http\//i.test(cause.message)) {
    return "the server may speak https, not http: see target";
  }
  if (cause.message === "bad response") {
    return "an answer to no request, or a 100 Continue that nobody asked for";
  }
  if (cause.message === "bad upgrade") {
    return "a switch to another protocol, which the request did not ask for";
  }
  if (proxy && UNREACHED.test(code)) {
    return `see ${proxy.variable}; NO_PROXY names hosts to go to without one`;
  }
  const own = clientLimit(code);
  return own ? `${own.limit}: ${own.remedy}` : HINTS[code] ?? "";
}

/** What is the proxy's matter, where there is one: nobody asks for the server itself. */
const UNREACHED = /^(ECONN|ENOTFOUND$|EAI_AGAIN$|EHOSTUNREACH$|ENETUNREACH$)/;

const TRUST = "caCert names the certificates to trust, insecure=true takes any";

/** What to do about a certificate, where naming an issuer would not help. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED:
    "the server needs a new one, or this machine's clock is wrong; insecure=true takes any",
  CERT_NOT_YET_VALID:
    "the server's or this machine's clock may be wrong; insecure=true takes any",
  CERT_REJECTED:
    "it may not be for servers, or have an outdated form; insecure=true takes any",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "target must use a name of the certificate; insecure=true takes any",
};

/** The system's code, where it is a limit of this machine that was reached. */
export function ownLimitIn(error: Error | undefined): string | undefined {
  const code = systemCodeOf(error);
  return clientLimit(code) && code;
}

/** Whether the server has refused the client over its certificate. With TLS 1.3 that is known after connecting. */
export function isClientRefused({ message }: Error): boolean {
  return /^received fatal alert: (\w*Certificate\w*|UnknownCA|AccessDenied)$/
    .test(message);
}

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is the server running, and the port right?",
  ENOTFOUND: "no such host: see target",
  EAI_AGAIN: "the name cannot be looked up now",
};

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
