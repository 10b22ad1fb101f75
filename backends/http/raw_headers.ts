import type { Buffer } from "node:buffer";

/** Names and values by turns, as they came. */
export type RawHeaders = readonly Buffer[];

/** The value of a header, by its name in lower case. */
export function headerOf(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = raw[i]!;
    if (key.length !== name.length) continue;
    if (key.toString("latin1").toLowerCase() === name) {
      return raw[i + 1]!.toString("latin1");
    }
  }
  return undefined;
}

/** Whether the body is a stream of server-sent events. */
export function isEventStream(raw: RawHeaders): boolean {
  const type = headerOf(raw, "content-type") ?? "";
  return /^\s*text\/event-stream\s*(;|$)/i.test(type);
}

/** Headers, and those of others whose names are not among them. */
export function withDefaults(
  headers: readonly string[],
  others: readonly string[],
): string[] {
  const names = headers.filter((_, i) => i % 2 === 0)
    .map((name) => name.toLowerCase());
  const missing = others.filter((_, i) =>
    !names.includes(others[i - i % 2]!.toLowerCase())
  );
  return [...headers, ...missing];
}
