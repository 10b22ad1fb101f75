import assert from "node:assert/strict";
import { connectionFailure, type Progress } from "./failures.ts";

function errorOf(message: string, code?: string, name = "Error"): Error {
  return Object.assign(new Error(message), { name, ...(code && { code }) });
}

const OPEN: Progress = {
  isOpen: true,
  isAnswered: false,
  isRefused: false,
  hasHeaders: false,
  idleMs: undefined,
  waitedMs: 3,
};
const BEFORE: Progress = { ...OPEN, isOpen: false };
const HEAD: Progress = { ...OPEN, isAnswered: true };
const BODY: Progress = { ...HEAD, hasHeaders: true };
const USED: Progress = { ...OPEN, idleMs: 12.4 };

const FAULTS: readonly (readonly [
  cause: Error,
  progress: Progress,
  failure: string,
  code: string | undefined,
  message: string,
])[] = [
  [
    errorOf("connect ECONNREFUSED h:1", "ECONNREFUSED"),
    BEFORE,
    "connect_error",
    "ECONNREFUSED",
    "Cannot connect: connect ECONNREFUSED h:1 (is the server running, and the port right?)",
  ],
  [
    errorOf("certificate has expired", "CERT_HAS_EXPIRED"),
    BEFORE,
    "connect_error",
    "CERT_HAS_EXPIRED",
    "Cannot connect: CERT_HAS_EXPIRED: certificate has expired (the server needs a new one, or this machine's clock is wrong; insecure=true accepts any)",
  ],
  [
    errorOf("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT"),
    BEFORE,
    "connect_error",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "Cannot connect: DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate (caCert names the certificates to trust, insecure=true accepts any)",
  ],
  [
    errorOf(
      "received fatal alert: CertificateRequired",
      "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    ),
    OPEN,
    "connect_error",
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "Cannot connect: ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: received fatal alert: CertificateRequired (the server requires a client certificate: see clientCert)",
  ],
  [
    errorOf(
      "unable to verify the first certificate",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ),
    BEFORE,
    "connect_error",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "Cannot connect: UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate (the server did not prove that it owns its certificate)",
  ],
  [
    errorOf("received fatal alert: UnknownCA", "ERR_SSL_ALERT"),
    BEFORE,
    "connect_error",
    "ERR_SSL_ALERT",
    "Cannot connect: ERR_SSL_ALERT: received fatal alert: UnknownCA (the server rejects the client's certificate: see clientCert)",
  ],
  [
    new AggregateError([errorOf("connect EMFILE ::1", "EMFILE")], ""),
    BEFORE,
    "connect_error",
    "EMFILE",
    "Cannot connect: connect EMFILE ::1 (this process may open no more files: raise its limit of open files (ulimit -n), or use more machines)",
  ],
  [
    errorOf("Expected HTTP/", "HPE_INVALID_CONSTANT", "HTTPParserError"),
    { ...OPEN, isPlain: true },
    "protocol_error",
    "HPE_INVALID_CONSTANT",
    "The server must speak HTTP: HPE_INVALID_CONSTANT: Expected HTTP/ (the server may speak https, not http: see target)",
  ],
  [
    errorOf("other side closed", "UND_ERR_SOCKET"),
    OPEN,
    "closed",
    undefined,
    "The connection closed before the response: other side closed",
  ],
  [
    errorOf("read ECONNRESET", "ECONNRESET"),
    BODY,
    "closed",
    "ECONNRESET",
    "The connection closed in the middle of the response: read ECONNRESET",
  ],
  [
    errorOf("other side closed", "UND_ERR_SOCKET"),
    USED,
    "stale_connection",
    undefined,
    "The connection closed while it was reused, after 12 ms idle (retryStale=true sends the request again, reuse=false avoids reuse): other side closed",
  ],
  [
    errorOf("other side closed", "UND_ERR_SOCKET"),
    { ...USED, waitedMs: 5000 },
    "closed",
    undefined,
    "The connection closed before the response: other side closed",
  ],
  [
    errorOf("other side closed", "UND_ERR_SOCKET"),
    { ...USED, isAnswered: true },
    "closed",
    undefined,
    "The connection closed within the response's headers: other side closed",
  ],
  [
    errorOf("other side closed", "UND_ERR_SOCKET"),
    HEAD,
    "closed",
    undefined,
    "The connection closed within the response's headers: other side closed",
  ],
  [
    errorOf("other side closed", "UND_ERR_SOCKET"),
    { ...USED, isAnswered: true, hasHeaders: true },
    "closed",
    undefined,
    "The connection closed in the middle of the response: other side closed",
  ],
  [
    errorOf("Expected HTTP/", "HPE_INVALID_CONSTANT", "HTTPParserError"),
    OPEN,
    "protocol_error",
    "HPE_INVALID_CONSTANT",
    "The server must speak HTTP: HPE_INVALID_CONSTANT: Expected HTTP/",
  ],
  [
    errorOf("Invalid EOF state", "HPE_INVALID_EOF_STATE", "HTTPParserError"),
    BODY,
    "closed",
    "HPE_INVALID_EOF_STATE",
    "The connection closed in the middle of the response: HPE_INVALID_EOF_STATE: Invalid EOF state",
  ],
];

for (const [cause, progress, failure, code, message] of FAULTS) {
  Deno.test(`connectionFailure() is ${failure} for "${cause.message || cause.name}"`, () => {
    const fault = connectionFailure(cause, progress);
    assert.deepEqual(
      { ...fault, message: fault.message },
      {
        name: "RequestError",
        class: failure,
        code,
        message,
        retryAfterMs: undefined,
      },
    );
  });
}

Deno.test("connectionFailure() leaves alone what undici says of a wrong call", () => {
  const cause = errorOf("invalid header", "UND_ERR_INVALID_ARG");
  assert.equal(connectionFailure(cause, BEFORE), cause);
});
