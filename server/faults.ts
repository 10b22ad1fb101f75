import { nearest } from "../lib/nearest.ts";

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
  | ActionWithArguments
  | { readonly do: Exclude<keyof typeof KINDS, ActionWithArguments["do"]> };

type ActionWithArguments =
  | {
    readonly do: "status";
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }
  | { readonly do: "refuse"; readonly status: number; readonly body: string }
  | {
    readonly do: "redirect";
    readonly status: number;
    readonly location: string;
  }
  | { readonly do: "type"; readonly contentType: string }
  | { readonly do: "drip" | "pause"; readonly ms: number }
  /** Without a time, the stall never ends. */
  | { readonly do: "stall"; readonly ms?: number }
  | { readonly do: "error"; readonly code: string; readonly message: string }
  | { readonly do: "frame"; readonly text: string }
  | { readonly do: "noise"; readonly count: number }
  | { readonly do: "big" | "garbage"; readonly bytes: number }
  | { readonly do: "close"; readonly code: number; readonly reason: string };

/** A fault: an action, its point, and its share of the sessions and requests. */
export type Fault = FaultAction & {
  readonly at: SessionPoint | RequestPoint;
  /** Share of the sessions and requests, 0 to 1, drawn by seed. @default 1 */
  readonly share?: number;
};

/** The parts of a fault's text. */
interface Parts {
  readonly verb: string;
  readonly args: string;
  readonly point: string;
  readonly share: string | undefined;
}

/** A kind of fault. */
interface FaultKind {
  /** How its arguments are written, `=` included. */
  readonly form?: string;
  /** The rule of its arguments. */
  readonly rule?: string;
  /** Its points in a session. */
  readonly session?: readonly string[];
  /** Its points in a request. */
  readonly request?: readonly string[];
  /** Reads the arguments, or returns undefined if they break the rule. */
  read?(args: string): object | undefined;
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

const MAX_BYTES = 67_108_864;
const MAX_EVENTS = 100_000;
const MS_RULE = "MS, a whole number of milliseconds";
const BYTES_RULE = `BYTES, a whole number of at most ${MAX_BYTES}`;

const ofMs = (args: string) => wholeNumber(args, "ms");
const ofBytes = (usual: number) => (args: string) =>
  wholeNumber(args || String(usual), "bytes", MAX_BYTES);

const KINDS = {
  status: {
    form: "=STATUS[;HEADER: VALUE],BODY",
    rule:
      "STATUS from 200 to 599, then each header as ;NAME: VALUE, then ,BODY",
    request: ACCEPT,
    read(args) {
      const [head, body] = halves(args);
      const [status = "", ...lines] = head.split(";");
      const headers = readHeaders(lines);
      if (!headers || !/^[2-5]\d\d$/.test(status)) return undefined;
      return { status: Number(status), headers, body };
    },
  },
  refuse: {
    form: "=STATUS,BODY",
    rule: "STATUS from 300 to 599, then ,BODY",
    session: ACCEPT,
    request: ACCEPT,
    read(args) {
      const [status, body] = halves(args);
      if (!/^[3-5]\d\d$/.test(status)) return undefined;
      return { status: Number(status), body };
    },
  },
  redirect: {
    form: "=STATUS,URL",
    rule: "STATUS 301, 302, 303, 307 or 308, then ,URL",
    request: ACCEPT,
    read(args) {
      const [status, location] = halves(args);
      if (!/^30[12378]$/.test(status) || !location) return undefined;
      return { status: Number(status), location };
    },
  },
  json: { request: ACCEPT },
  html: { request: ACCEPT },
  type: {
    form: "=TYPE",
    rule: "TYPE",
    request: ACCEPT,
    read: (contentType) => contentType ? { contentType } : undefined,
  },
  "bad-gzip": { request: ACCEPT },
  drip: { form: "=MS", rule: MS_RULE, request: ACCEPT, read: ofMs },
  error: {
    form: "=CODE,MESSAGE",
    session: IN_SESSION,
    request: ANY_OF_REQUEST,
    read(args) {
      const [code, message] = halves(args);
      return { code, message };
    },
  },
  frame: {
    form: "=TEXT",
    session: IN_SESSION,
    request: ANY_OF_REQUEST,
    read: (text) => ({ text }),
  },
  "bad-json": { session: IN_SESSION, request: ANY_OF_REQUEST },
  "non-object": { session: IN_SESSION, request: ANY_OF_REQUEST },
  binary: { session: IN_SESSION },
  noise: {
    form: "=N",
    rule: `N, a whole number of at most ${MAX_EVENTS}`,
    session: IN_SESSION,
    request: IN_ANSWER,
    read: (args) => wholeNumber(args || "1", "count", MAX_EVENTS),
  },
  big: {
    form: "=BYTES",
    rule: BYTES_RULE,
    session: IN_SESSION,
    request: IN_ANSWER,
    read: ofBytes(2_097_152),
  },
  garbage: {
    form: "=BYTES",
    rule: BYTES_RULE,
    request: IN_ANSWER,
    read: ofBytes(64),
  },
  stall: {
    form: "[=MS]",
    rule: `no argument or ${MS_RULE}`,
    session: ANY_OF_SESSION,
    request: ANY_OF_REQUEST,
    read: (args) => args ? ofMs(args) : {},
  },
  pause: { form: "=MS", rule: MS_RULE, session: IN_SESSION, read: ofMs },
  drop: { session: ANY_OF_SESSION, request: ANY_OF_REQUEST },
  close: {
    form: "=CODE,REASON",
    rule:
      "CODE from 1000 to 1003, 1007 to 1014 or 3000 to 4999, then ,REASON of at most 123 bytes",
    session: IN_SESSION,
    read(args) {
      const [text, reason] = halves(args);
      const code = Number(text || 1000);
      const isShort = new TextEncoder().encode(reason).length <= 123;
      return isCloseCode(code) && isShort ? { code, reason } : undefined;
    },
  },
  ping: { session: IN_SESSION },
  updated: { session: IN_SESSION },
  duplicate: { session: IN_SESSION, request: IN_ANSWER },
  "no-deltas": { session: IN_SESSION },
  "no-text": { session: IN_SESSION },
  half: { request: IN_ANSWER },
  split: { request: IN_ANSWER },
  cut: { request: IN_ANSWER },
} satisfies Record<string, FaultKind>;

/** Every fault by its name. */
export const FAULTS: Readonly<Record<FaultAction["do"], FaultKind>> = KINDS;

const NAMES = Object.keys(FAULTS);
const POINTS = [...new Set(NAMES.flatMap(pointsOf))];

/** Every point of a fault, in sessions and in requests. */
export function pointsOf(verb: string): readonly string[] {
  const { session = [], request = [] } = FAULTS[verb as FaultAction["do"]];
  return [...new Set([...session, ...request])];
}

/**
 * Reads `DO[=ARGUMENTS]@POINT[~SHARE]`, as `drop@appends:5`, `close=1011,going away@deltas:3~0.1` or
 * `status=429;retry-after: 2@accept`. A fault at `accept` or `done` strikes sessions and requests alike.
 *
 * @throws {TypeError} The message names the part that is wrong.
 */
export function parseFault(text: string): Fault {
  const parts = partsOf(text);
  const { verb, args, point, share } = parts;
  const problem = placeProblem(parts);
  if (problem !== undefined) throw faultError(text, problem);
  const { rule, read } = FAULTS[verb as FaultAction["do"]];
  const action = read ? read(args) : {};
  if (!action) throw faultError(text, `${verb} must have ${rule}`);
  if (share !== undefined && !(/^[\d.]+$/.test(share) && Number(share) <= 1)) {
    throw faultError(text, "SHARE must be a number from 0 to 1");
  }
  return {
    do: verb,
    ...action,
    at: point,
    ...(share !== undefined && { share: Number(share) }),
  } as Fault;
}

function faultError(text: string, problem: string): TypeError {
  return new TypeError(`fault ${JSON.stringify(text)}: ${problem}`);
}

/** The parts of the text; those that are missing are empty. */
function partsOf(text: string): Parts {
  const [, verb = "", args = "", point = "", share] =
    /^([^=@]*)(?:=(.*))?@([^@~]*)(?:~([^@]*))?$/s.exec(text) ??
      /^([^=@]*)/.exec(text)!;
  return { verb, args, point, share };
}

/** Describes the problem with DO or POINT, if there is one. */
function placeProblem({ verb, point }: Parts): string | undefined {
  if (!NAMES.includes(verb)) {
    const near = didYouMean(nearest(verb, NAMES));
    return `unknown fault "${verb}"${near}; there are: ${NAMES.join(", ")}`;
  }
  const points = pointsOf(verb);
  const form = point.replace(/:[1-9]\d*$/, ":N");
  const isNumbered = form !== point;
  if (points.includes(form) && isNumbered === form.includes(":")) {
    return undefined;
  }
  const [word = ""] = point.split(":");
  if (POINTS.includes(`${word}:N`) && !isNumbered) {
    return `${word} must have a number from 1 after it, as ${word}:5`;
  }
  if (point !== word && POINTS.includes(word)) {
    return `${word} must have no number after it`;
  }
  return POINTS.includes(form)
    ? `${verb} must be at ${oneOf(points)}`
    : `POINT, after an @, must be ${oneOf(points)} for ${verb}${
      pointHint(point)
    }`;
}

/** Suggests the point that was probably meant. */
function pointHint(point: string): string {
  const [word = "", number] = point.split(":");
  const near = nearest(word, POINTS.map((name) => name.replace(":N", "")));
  const suffix = number === undefined ? "" : `:${number}`;
  return didYouMean(near && near + suffix);
}

/** Splits at the first comma. */
function halves(text: string): [string, string] {
  const comma = text.indexOf(",");
  return comma < 0 ? [text, ""] : [text.slice(0, comma), text.slice(comma + 1)];
}

/** A whole number as the only field of an action. */
function wholeNumber(
  text: string,
  field: string,
  max = Infinity,
): object | undefined {
  const isWhole = /^\d+$/.test(text) && Number(text) <= max;
  return isWhole ? { [field]: Number(text) } : undefined;
}

/** Whether a close frame may carry the code: 1004 to 1006 and 1015 are never sent. */
function isCloseCode(code: number): boolean {
  return Number.isInteger(code) &&
    ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
      (code >= 3000 && code <= 4999));
}

/** Reads `name: value` lines; undefined if one is something else. */
function readHeaders(
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

/** Lists words as a choice: `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(words);
}

/** Suggests the name that was probably meant, if one is near. */
export function didYouMean(near: string | undefined): string {
  return near === undefined ? "" : `; did you mean "${near}"?`;
}
