import { RequestError } from "../../plugins/mod.ts";
import { systemCodeOf } from "../target/system_code.ts";
import { withCode } from "../target/words.ts";

/** How far a request had come when its connection failed. */
export interface Progress {
  /** Whether its connection was open. */
  readonly isOpen: boolean;
  /** Whether the response had begun. */
  readonly hasHeaders: boolean;
  /** How long the connection had lain idle before, in milliseconds; `undefined` for a new one. */
  readonly idleMs: number | undefined;
  /** How long ago the request was sent, in milliseconds. */
  readonly waitedMs: number;
}

/** A closing that crosses with a request is known a round trip later: what takes longer has the request as its cause. */
const CROSSING_MS = 1000;

/** What became of a connection, in the words of docs/failures.md. */
export function faultOf(error: Error, progress: Progress): Error {
  const cause = firstOf(error);
  const code = systemCodeOf(cause);
  if (code === "UND_ERR_INVALID_ARG") return cause;
  if (!progress.isOpen) return connectFault(cause, code);
  const [failure, message] = tell(cause, code, progress);
  return new RequestError(failure, `${message}: ${wordsOf(cause, code)}`, {
    code: ownCode(code),
  });
}

/** The connection was not opened. */
function connectFault(
  cause: Error,
  code = systemCodeOf(cause),
): RequestError {
  if (cause instanceof RequestError) return cause;
  const hint = hintFor(cause, code);
  const words = wordsOf(cause, code) + (hint && ` (${hint})`);
  return new RequestError("connect_error", `Cannot connect: ${words}`, {
    code: ownCode(code),
  });
}

function tell(
  cause: Error,
  code: string | undefined,
  { hasHeaders, idleMs, waitedMs }: Progress,
): readonly [failure: string, message: string] {
  if (isNonsense(cause, code)) {
    return [
      "protocol_error",
      "Cannot understand the server as it must speak HTTP",
    ];
  }
  if (hasHeaders) {
    return ["closed", "The connection closed in the middle of the response"];
  }
  return idleMs === undefined || waitedMs > CROSSING_MS
    ? ["closed", "The connection closed before the response"]
    : [
      "stale_connection",
      `The connection closed as it was used again, idle for ${
        Math.round(idleMs)
      } ms before (reuse=false rules that out)`,
    ];
}

/** Bytes that are no HTTP, in place of a socket that has closed too soon. */
function isNonsense(cause: Error, code: string | undefined): boolean {
  if (code === "UND_ERR_HEADERS_OVERFLOW") return true;
  const isParser = cause.name === "HTTPParserError";
  const isCut = code === "HPE_INVALID_EOF_STATE" ||
    /invalid eof/i.test(cause.message);
  return (isParser && !isCut) || /^bad (response|upgrade)$/.test(cause.message);
}

/** The library's own codes say nothing to people. */
function ownCode(code: string | undefined): string | undefined {
  return code?.startsWith("UND_ERR_") ? undefined : code;
}

function wordsOf(cause: Error, code: string | undefined): string {
  return withCode(cause.message, ownCode(code));
}

/** Where several addresses were tried, the first one's error says it. */
function firstOf(cause: Error): Error {
  const [first] = cause instanceof AggregateError ? cause.errors : [];
  return first instanceof Error ? first : cause;
}

function hintFor(cause: Error, code = ""): string {
  const certificate = CERTIFICATES[code];
  if (certificate) return certificate;
  if (/certificate|unknownissuer/i.test(`${code} ${cause.message}`)) {
    return TRUST;
  }
  if (/^(ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)$/.test(code)) {
    return "the server may speak http, not https: see target";
  }
  return HINTS[code] ?? "";
}

const TRUST = "caCert names the certificates to trust, insecure=true takes any";

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the certificate has expired; insecure=true takes any",
  CERT_NOT_YET_VALID:
    "the certificate is not valid yet; insecure=true takes any",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the certificate is for another name than the target's; insecure=true takes any",
};

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is the server running, and the port right?",
  ENOTFOUND: "no such host: see target",
  EAI_AGAIN: "the name cannot be looked up now",
  EMFILE: "no more files may be open: see ulimit -n",
  EADDRNOTAVAIL: "no port is left for another connection",
};
