import {
  type DialectEvent,
  type Failure,
  isRequestError,
} from "../../plugins/mod.ts";
import { clientLimitIn, connectReason } from "../connect/failures.ts";
import { readable, snippet, withCode } from "../connect/server_text.ts";
import { serverMessage } from "../connect/status.ts";
import type { Proxy } from "../connect/endpoint.ts";
import type { Refusal, SocketEnd } from "./transports/transport.ts";

/** A reason why an utterance failed. */
export type Fault =
  | Extract<DialectEvent, { kind: "error" }>
  | {
    readonly kind: "timeout";
    readonly failure: TimeLimit;
    readonly limitMs: number;
  }
  | { readonly kind: "refused" | "closed"; readonly end: SocketEnd }
  | { readonly kind: "ignored"; readonly count: number; readonly type: string }
  | {
    readonly kind: "early";
    readonly sentMs: number;
    readonly durationMs: number;
  };

/** The timeouts, by the class of their failures. */
export type TimeLimit = keyof typeof TIMEOUTS;

const TIMEOUTS = {
  connect_timeout: "The socket did not open",
  ready_timeout: "The session was not ready",
  receive_timeout: "The server stopped sending",
  request_timeout: "The utterance did not finish",
  final_timeout: "The transcript did not arrive after the end of the audio",
};

/** The failure of an utterance, by class as in docs/failures.md. */
export function failureOf(
  fault: Fault,
  proxy: Proxy | undefined,
): Failure {
  switch (fault.kind) {
    case "error":
      return failure(
        "server_error",
        withCode(fault.message, fault.code),
        fault.code,
      );
    case "timeout":
      return failure(
        fault.failure,
        `${TIMEOUTS[fault.failure]}: waited ${fault.limitMs} ms`,
      );
    case "refused":
      return refused(fault.end, proxy);
    case "closed":
      return closed(fault.end, proxy);
    case "early":
      return failure(
        "ended_early",
        `The server ended the utterance before its audio ended: sent ${fault.sentMs} of ${fault.durationMs} ms`,
      );
    case "ignored":
      return failure(
        "protocol_error",
        `The server sent ${fault.count} events that the dialect does not know, the last of type ${fault.type}: see maxIgnoredEvents`,
      );
  }
}

function failure(
  kind: string,
  message: string,
  code?: string | undefined,
): Failure {
  return { class: kind, message, ...(code !== undefined && { code }) };
}

function refused(
  { violation, refusal, error, code, reason }: SocketEnd,
  proxy: Proxy | undefined,
): Failure {
  if (violation) return failure(violation.class, violation.message);
  if (refusal) return upgradeRefused(refusal);
  // A proxy that refused the tunnel.
  if (isRequestError(error)) {
    return failure(error.class, error.message, error.code);
  }
  const why = error
    ? connectReason(error, { proxy })
    : { text: `${code} ${reason}`.trim(), code: undefined };
  return failure(
    "connect_error",
    `Cannot open a WebSocket: ${why.text}`,
    why.code,
  );
}

function upgradeRefused({ status, body }: Refusal): Failure {
  const message = readable(serverMessage(body).trim());
  const hint = status === 403 || status === 404 ? NO_REALTIME : "";
  return failure(
    "connect_error",
    `Cannot open a WebSocket: the server answered HTTP ${status}${
      message ? `: ${message}` : ""
    }${hint}`,
    String(status),
  );
}

const NO_REALTIME =
  " (usual if the path is wrong or the model is not for realtime)";

function closed(
  { code, reason, error, violation }: SocketEnd,
  proxy: Proxy | undefined,
): Failure {
  if (violation) return failure(violation.class, violation.message);
  const why = [reason, error && connectReason(error, { proxy }).text]
    .filter(Boolean).join(": ");
  return failure(
    "closed",
    `The connection was closed with ${code}${why && `: ${snippet(why)}`}`,
    clientLimitIn(error) ?? String(code),
  );
}
