import { connectReason, ownLimitIn } from "../connect/failures.ts";
import { found, readable, snippet, withCode } from "../connect/server_text.ts";
import { serverWords } from "../connect/status.ts";
import type { DialectEvent } from "./dialects/dialect.ts";
import type { SocketEnd } from "./transports/transport.ts";
import type { Failure } from "../../plugins/mod.ts";

/** What can go wrong with an utterance. */
export type Fault =
  | Extract<DialectEvent, { kind: "error" | "violation" }>
  | {
    readonly kind: "timeout";
    readonly failure: TimeLimit;
    readonly limitMs: number;
  }
  | { readonly kind: "refused" | "closed"; readonly end: SocketEnd }
  | { readonly kind: "binary" }
  | { readonly kind: "unparsable"; readonly text: string }
  | { readonly kind: "ignored"; readonly count: number; readonly type: string }
  | {
    readonly kind: "early";
    readonly sentMs: number;
    readonly durationMs: number;
  };

/** The limits on a server's time, by the class of failure that passing them is. */
export type TimeLimit =
  | "connect_timeout"
  | "ready_timeout"
  | "receive_timeout"
  | "request_timeout"
  | "final_timeout";

/** A fault in the words of docs/failures.md. */
export function faultOf(
  fault: Fault,
): Omit<Failure, "code"> & { code: string | undefined } {
  const [failure, message, code] = tellOf(fault);
  return { class: failure, message, code };
}

type Told = readonly [
  failure: string,
  message: string,
  code?: string | undefined,
];

function tellOf(fault: Fault): Told {
  switch (fault.kind) {
    case "error":
      return ["server_error", withCode(fault.message, fault.code), fault.code];
    case "timeout":
      return [
        fault.failure,
        `${WAITED[fault.failure]}: waited ${fault.limitMs} ms`,
      ];
    case "refused":
      return refused(fault.end);
    case "closed":
      return closed(fault.end);
    case "early": {
      const { sentMs, durationMs } = fault;
      return [
        "ended_early",
        `The server ended the utterance before its audio did: sent ${sentMs} of ${durationMs} ms`,
      ];
    }
    default:
      return [
        "protocol_error",
        `Cannot understand the server as ${ruleOf(fault)}`,
      ];
  }
}

const WAITED: Record<TimeLimit, string> = {
  connect_timeout: "The socket did not open",
  ready_timeout: "The session was not ready",
  receive_timeout: "The server fell silent",
  request_timeout: "The utterance was not done",
  final_timeout: "The transcript did not come after the audio had ended",
};

function ruleOf(
  fault: Extract<
    Fault,
    { kind: "violation" | "binary" | "unparsable" | "ignored" }
  >,
): string {
  switch (fault.kind) {
    case "violation":
      return fault.message;
    case "binary":
      return "messages must be text: current value is a binary frame";
    case "unparsable":
      return `messages must be a JSON object: current value is ${
        found(fault.text)
      }`;
    case "ignored":
      return `unknown events must be few: current value is ${fault.count} (last type ${fault.type})`;
  }
}

function refused(end: SocketEnd): Told {
  const { violation, refusal, error, code, reason } = end;
  if (violation) return [violation.class, violation.message];
  if (refusal) {
    const { status, body } = refusal;
    const rule =
      `Cannot open a WebSocket as the server must switch protocols: answer is HTTP`;
    const hint = HINTS[status] ?? "";
    const words = readable(serverWords(body).trim());
    const said = words ? `: ${words}` : "";
    return ["connect_error", `${rule} ${status}${said}${hint}`, String(status)];
  }
  const why = error
    ? connectReason(error, {})
    : { words: `${code} ${reason}`.trim(), code: undefined };
  return ["connect_error", `Cannot open a WebSocket: ${why.words}`, why.code];
}

const NO_REALTIME =
  " (a server answers so if the path is wrong, or its model is not for realtime)";
const HINTS: Record<number, string> = { 403: NO_REALTIME, 404: NO_REALTIME };

function closed({ code, reason, error, violation }: SocketEnd): Told {
  if (violation) return [violation.class, violation.message];
  const why = [reason, error && connectReason(error, {}).words]
    .filter(Boolean).join(": ");
  return [
    "closed",
    `The connection was closed with ${code}${why && `: ${snippet(why)}`}`,
    ownLimitIn(error) ?? String(code),
  ];
}
