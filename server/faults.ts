import type { Random } from "../lib/random.ts";
import { didYouMean, nearest } from "../lib/text.ts";

/**
 * A point of a session: before the upgrade's response (`accept`), before `session.created`, after a valid
 * `session.update`, after the starting commit, after the n-th append, after the final commit, after the n-th delta,
 * before or in place of `transcription.done`, and after it.
 */
export type SessionPoint = Numbered<typeof ANY_OF_SESSION[number]>;

/** A point of a request: before the response, after its headers, after the n-th event or byte of its body, before its end. */
export type RequestPoint = Numbered<typeof ANY_OF_REQUEST[number]>;

type Numbered<Point> = Point extends `${infer Word}:N` ? `${Word}:${number}`
  : Point;

/** An action of a fault; {@linkcode FAULTS} has the points of each. */
export type FaultAction =
  | {
    readonly do: "status";
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }
  | { readonly do: "error"; readonly code: string; readonly message: string }
  | { readonly do: "frame"; readonly text: string }
  | { readonly do: "noise"; readonly count: number }
  | { readonly do: "big" | "garbage"; readonly bytes: number }
  /** Without a time, the stall never ends. */
  | { readonly do: "stall"; readonly ms?: number }
  | { readonly do: "pause"; readonly ms: number }
  | { readonly do: "close"; readonly code: number; readonly reason: string }
  | {
    readonly do:
      | ("json" | "bad-gzip" | "duplicate" | "no-deltas")
      | ("half" | "cut" | "drop");
  };

/** A fault: an action, its point, and its share of the sessions and requests. */
export type Fault = FaultAction & {
  readonly at: SessionPoint | RequestPoint;
  /** Share of the sessions and requests, 0 to 1, drawn by seed. @default 1 */
  readonly share?: number;
};

/** A kind of fault. */
interface FaultKind {
  /** Form of its arguments, `=` included. */
  readonly form?: string;
  /** Rule of its arguments, for messages. */
  readonly rule?: string;
  /** Pattern of its arguments, each a named group. */
  readonly args?: RegExp;
  /** Values of arguments that are not given. */
  readonly usual?: Readonly<Record<string, unknown>>;
  /** Its points in a session. */
  readonly session?: readonly string[];
  /** Its points in a request. */
  readonly request?: readonly string[];
}

const ACCEPT = ["accept"] as const;
const IN_SESSION = [
  "created",
  "update",
  "commit",
  "appends:N",
  "final",
  "deltas:N",
  "done",
  "after-done",
] as const;
const IN_ANSWER = ["headers", "events:N", "bytes:N", "done"] as const;
const ANY_OF_SESSION = [...ACCEPT, ...IN_SESSION] as const;
const ANY_OF_REQUEST = [...ACCEPT, ...IN_ANSWER] as const;

/** Largest number, or longest text in bytes, of an argument. */
const LIMITS: Readonly<Record<string, number>> = {
  bytes: 67_108_864,
  count: 100_000,
  reason: 123,
};

const BYTES = {
  form: "=BYTES",
  rule: `BYTES, a whole number of at most ${LIMITS.bytes}`,
  args: /^(?<bytes>\d*)$/,
};

/** Every fault by its name. */
export const FAULTS: Readonly<Record<FaultAction["do"], FaultKind>> = {
  status: {
    form: "=STATUS[;HEADER: VALUE],BODY",
    rule:
      "STATUS from 200 to 599, then each header as ;NAME: VALUE, then ,BODY",
    args:
      /^(?<status>[2-5]\d\d)(?<headers>(?:;[ \t]*[\w-]+:[\t\x20-\x2b\x2d-\x3a\x3c-\x7e]*)*)(?:,(?<body>.*))?$/s,
    usual: { headers: {}, body: "" },
    session: ACCEPT,
    request: ACCEPT,
  },
  json: { request: ACCEPT },
  "bad-gzip": { request: ACCEPT },
  error: {
    form: "=CODE,MESSAGE",
    args: /^(?<code>[^,]*)(?:,(?<message>.*))?$/s,
    usual: { code: "", message: "" },
    session: IN_SESSION,
    request: ANY_OF_REQUEST,
  },
  frame: {
    form: "=TEXT",
    args: /^(?<text>.*)$/s,
    usual: { text: "" },
    session: IN_SESSION,
    request: ANY_OF_REQUEST,
  },
  noise: {
    form: "=N",
    rule: `N, a whole number of at most ${LIMITS.count}`,
    args: /^(?<count>\d*)$/,
    usual: { count: 1 },
    session: IN_SESSION,
    request: IN_ANSWER,
  },
  big: {
    ...BYTES,
    usual: { bytes: 2_097_152 },
    session: IN_SESSION,
    request: IN_ANSWER,
  },
  garbage: {
    ...BYTES,
    usual: { bytes: 64 },
    session: IN_SESSION,
    request: IN_ANSWER,
  },
  stall: {
    form: "[=MS]",
    rule: "no argument or MS, a whole number of milliseconds",
    args: /^(?<ms>\d*)$/,
    session: ANY_OF_SESSION,
    request: ANY_OF_REQUEST,
  },
  pause: {
    form: "=MS",
    rule: "MS, a whole number of milliseconds",
    args: /^(?<ms>\d+)$/,
    session: IN_SESSION,
  },
  duplicate: { session: IN_SESSION, request: IN_ANSWER },
  "no-deltas": { session: IN_SESSION },
  half: { request: IN_ANSWER },
  cut: { request: IN_ANSWER },
  close: {
    form: "=CODE,REASON",
    rule:
      "CODE from 1000 to 1003, 1007 to 1014 or 3000 to 4999, then ,REASON of at most 123 bytes",
    args: /^(?<code>100[0-37-9]|101[0-4]|[34]\d{3}|)(?:,(?<reason>.*))?$/s,
    usual: { code: 1000, reason: "" },
    session: IN_SESSION,
  },
  drop: { session: ANY_OF_SESSION, request: ANY_OF_REQUEST },
};

const NAMES = Object.keys(FAULTS);

/**
 * Reads `DO[=ARGUMENTS]@POINT[~SHARE]`, as `drop@appends:5`, `close=1011,going away@deltas:3~0.1` or
 * `status=429;retry-after: 2@accept`. A fault at `accept` or `done` strikes sessions and requests alike.
 *
 * @throws {TypeError} The message names the part that is wrong.
 */
export function parseFault(text: string): Fault {
  const fail = (problem: string): never => {
    throw new TypeError(`fault ${JSON.stringify(text)}: ${problem}`);
  };
  const [, verb = "", args = "", point = "", share] =
    /^([^=@]*)(?:=(.*))?@([^@~]*)(?:~([^@]*))?$/s.exec(text) ??
      /^([^=@]*)/.exec(text)!;
  if (!NAMES.includes(verb)) {
    const hint = didYouMean(verb, NAMES);
    fail(`unknown fault "${verb}"${hint}; there are: ${NAMES.join(", ")}`);
  }
  const kind = FAULTS[verb as FaultAction["do"]];
  const points = [...new Set([...kind.session ?? [], ...kind.request ?? []])];
  if (!points.includes(point.replace(/:[1-9]\d*$/, ":N")) || /:N/.test(point)) {
    const hint = pointHint(point, points);
    fail(`POINT of ${verb} must be ${oneOf(points)}${hint}`);
  }
  const action = kind.args ? readArguments(args, kind.args, kind.usual) : {};
  if (!action) fail(`${verb} must have ${kind.rule}`);
  if (share !== undefined && !(/^[\d.]+$/.test(share) && Number(share) <= 1)) {
    fail("SHARE must be a number from 0 to 1");
  }
  return {
    do: verb,
    ...action,
    at: point,
    ...(share !== undefined && { share: Number(share) }),
  } as Fault;
}

/** Suggests the point that was probably meant. */
function pointHint(point: string, points: readonly string[]): string {
  const [given = "", number = ""] = point.split(":");
  const words = points.map((name) => name.replace(":N", ""));
  const word = words.includes(given) ? given : nearest(given, words);
  if (word === undefined) return "";
  const count = /^[1-9]\d*$/.test(number) ? number : 5;
  const near = points.includes(`${word}:N`) ? `${word}:${count}` : word;
  return `; did you mean "${near}"?`;
}

const NUMBERS = ["status", "ms", "count", "bytes"];

/** Reads a fault's arguments; undefined if they break its rule. An empty argument has its usual value. */
function readArguments(
  text: string,
  pattern: RegExp,
  usual: FaultKind["usual"] = {},
): Readonly<Record<string, unknown>> | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const fields: Record<string, unknown> = { ...usual };
  for (const [name, value] of Object.entries(match.groups!)) {
    if (!value) continue;
    const isNumber = NUMBERS.includes(name) || typeof usual[name] === "number";
    const size = isNumber ? Number(value) : encoder.encode(value).length;
    if (size > (LIMITS[name] ?? Infinity)) return undefined;
    fields[name] = isNumber ? size : value;
    if (name === "headers") fields[name] = readHeaders(value);
  }
  return fields;
}

const encoder = new TextEncoder();

/** Reads `;NAME: VALUE` for each header. */
function readHeaders(text: string): Readonly<Record<string, string>> {
  const lines = text.split(";").slice(1).map((line) => {
    const [name = "", ...value] = line.split(":");
    return [name.trim().toLowerCase(), value.join(":").trim()];
  });
  return Object.fromEntries(lines);
}

/** Lists words as a choice: `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(words);
}

/** The JSON of an event without meaning in any protocol, of `bytes` bytes or the shortest. */
export function noiseJson(n: number, bytes = 0): string {
  const type = "reference.noise";
  const head =
    `{"type":"${type}","object":"${type}","choices":[],"n":${n},"padding":"`;
  return `${head}${"x".repeat(Math.max(0, bytes - head.length - 2))}"}`;
}

/** Random bytes that are not UTF-8. */
export function garbage(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => 128 + random() * 128);
}
