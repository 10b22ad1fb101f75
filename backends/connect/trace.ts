import type { OpenContext } from "../../plugins/mod.ts";

/** Shows the traffic to someone who wants to see it. */
export interface Trace {
  sent(text: string): void;
  received(text: string): void;
  note(text: string): void;
}

/** A trace with media shortened and secrets taken out; none, if nobody wants to see it. */
export function traceTo(
  { trace }: Pick<OpenContext, "trace">,
  clean: (text: string) => string,
): Trace | undefined {
  if (!trace) return undefined;
  return {
    sent: (text) => trace("sent", clean(shortened(text))),
    received: (text) => trace("received", clean(shortened(text))),
    note: (text) => trace("note", clean(text)),
  };
}

/** Media is told by its beginning and its length. */
export function shortened(message: string): string {
  return message.replace(
    /"(data:[\w.+/-]*;base64,)?([A-Za-z0-9+/]{64,}={0,2})"/g,
    (_all, start: string | undefined, base64: string) =>
      `"${start ?? ""}${base64.slice(0, 4)}…(${base64.length} base64 chars)"`,
  );
}
