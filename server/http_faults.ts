import {
  halves,
  MAX_BYTES,
  MAX_EVENTS,
  natural,
  upTo,
} from "./fault_arguments.ts";

/** Where in a request: before the answer, behind its headers, behind the n-th event or byte of its body, before its end. */
export type HttpPoint =
  | "accept"
  | "headers"
  | `events:${number}`
  | `bytes:${number}`
  | "done";

/** What goes wrong in a request. */
export type HttpAction =
  /** Answers with a status, headers and a body; at `accept` only, as are the next seven. */
  | {
    readonly do: "status";
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }
  /** Answers with a status and a body. */
  | { readonly do: "refuse"; readonly status: number; readonly body: string }
  /** Sends the client elsewhere. */
  | {
    readonly do: "redirect";
    readonly status: number;
    readonly location: string;
  }
  /** Answers whole where a stream was asked for. */
  | { readonly do: "json" }
  /** Answers with a page of HTML, as a proxy in the way would. */
  | { readonly do: "html" }
  /** Answers as it should, but says that it is something else. */
  | { readonly do: "type"; readonly contentType: string }
  /** Says that the body is compressed, and damages it. */
  | { readonly do: "bad-gzip" }
  /** Sends the headers a byte at a time, so many milliseconds apart. */
  | { readonly do: "drip"; readonly ms: number }
  /** Sends an error event and ends the stream; at `accept`, answers with the error. */
  | { readonly do: "error"; readonly code: string; readonly message: string }
  /** Sends an event with that for its data; at `accept`, answers with it. */
  | { readonly do: "frame"; readonly text: string }
  /** Sends events of unknown types, and comments. */
  | { readonly do: "noise"; readonly count: number }
  /** Sends an event without meaning, of this size. */
  | { readonly do: "big"; readonly bytes: number }
  /** Sends bytes that are no text. */
  | { readonly do: "garbage"; readonly bytes: number }
  /** Sends the last event once more. */
  | { readonly do: "duplicate" }
  /** Sends the next event as far as the middle, and ends. */
  | { readonly do: "half" }
  /** Writes the next event that has a character of several bytes in two pieces, cut inside it. */
  | { readonly do: "split" }
  /** Sends nothing for a time, then what was held; for ever, and nothing then, without a time. */
  | { readonly do: "stall"; readonly ms?: number }
  /** Ends the answer in order, without what is left of it. */
  | { readonly do: "cut" }
  /** Destroys the TCP connection. */
  | { readonly do: "drop" };

/** The actions by what they are called, each from its arguments. */
export const HTTP_ACTIONS: Readonly<
  Record<string, (args: string) => HttpAction | undefined>
> = {
  status: (args) => {
    const [head, body] = halves(args);
    const [status = "", ...lines] = head.split(";");
    const headers = headersOf(lines);
    return headers && /^[2-5]\d\d$/.test(status)
      ? { do: "status", status: Number(status), headers, body }
      : undefined;
  },
  refuse: (args) => {
    const [status, body] = halves(args);
    return /^[3-5]\d\d$/.test(status)
      ? { do: "refuse", status: Number(status), body }
      : undefined;
  },
  redirect: (args) => {
    const [status, location] = halves(args);
    return /^30[12378]$/.test(status) && location
      ? { do: "redirect", status: Number(status), location }
      : undefined;
  },
  json: () => ({ do: "json" }),
  html: () => ({ do: "html" }),
  type: (contentType) => contentType ? { do: "type", contentType } : undefined,
  "bad-gzip": () => ({ do: "bad-gzip" }),
  drip: (args) => natural(args, (ms) => ({ do: "drip", ms })),
  error: (args) => {
    const [code, message] = halves(args);
    return { do: "error", code: code || "500", message };
  },
  frame: (text) => ({ do: "frame", text }),
  "bad-json": () => ({ do: "frame", text: '{"choices":[{"index":0,' }),
  "non-object": () => ({ do: "frame", text: "[1,2]" }),
  noise: (args) =>
    upTo(MAX_EVENTS, args || "1", (count) => ({ do: "noise", count })),
  big: (args) =>
    upTo(MAX_BYTES, args || "2097152", (bytes) => ({ do: "big", bytes })),
  garbage: (args) =>
    upTo(MAX_BYTES, args || "64", (bytes) => ({ do: "garbage", bytes })),
  duplicate: () => ({ do: "duplicate" }),
  half: () => ({ do: "half" }),
  split: () => ({ do: "split" }),
  stall: (args) =>
    args ? natural(args, (ms) => ({ do: "stall", ms })) : { do: "stall" },
  cut: () => ({ do: "cut" }),
  drop: () => ({ do: "drop" }),
};

/** Where in a request that can be done; nowhere where it cannot. */
export function httpPoints(verb: string): readonly string[] {
  if (!Object.hasOwn(HTTP_ACTIONS, verb)) return [];
  if (ONLY_AT_ACCEPT.includes(verb)) return ["accept"];
  return ALSO_AT_ACCEPT.includes(verb) ? ["accept", ...LATER] : LATER;
}

/** The points behind the answer's start. */
const LATER = ["headers", "events:N", "bytes:N", "done"];

const ONLY_AT_ACCEPT = [
  "status",
  "refuse",
  "redirect",
  "json",
  "html",
  "type",
  "bad-gzip",
  "drip",
];

const ALSO_AT_ACCEPT = [
  "error",
  "frame",
  "bad-json",
  "non-object",
  "stall",
  "drop",
];

/** Headers of `name: value` lines; nothing where one is none. */
function headersOf(
  lines: readonly string[],
): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w-]+):([\t\x20-\x7e]*)$/.exec(line.trim()) ??
      [];
    if (name === undefined || value === undefined) return undefined;
    headers[name.toLowerCase()] = value.trim();
  }
  return headers;
}
