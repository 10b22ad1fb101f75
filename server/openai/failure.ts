import { Refusal, refusalJson } from "../http/refusal.ts";
import type { RequestOptions } from "./options.ts";

/** An event that tells of an error in the middle of a stream. */
export interface FailureEvent {
  /** As the log calls it. */
  readonly type: string;
  /** With its empty line. */
  readonly text: string;
}

/** An error by its code: a status, or a word that names its kind. */
export function failureOf(code: string, message: string): Refusal {
  const status = /^[45]\d\d$/.test(code) ? Number(code) : 500;
  return new Refusal(message, {
    status,
    ...(!/^\d+$/.test(code) && { type: code, code }),
  });
}

/** How the streams of chunks tell of an error: an event that holds it, then their usual end. */
export function failureChunk(
  { dialect, done }: RequestOptions,
): (code: string, message: string) => FailureEvent[] {
  return (code, message) => {
    const json = refusalJson(failureOf(code, message), dialect);
    const text = dialect === "sglang" ? `{"error":${json}}` : json;
    const events = [{ type: "error", text: `data: ${text}\n\n` }];
    if (done) events.push({ type: "[DONE]", text: "data: [DONE]\n\n" });
    return events;
  };
}
