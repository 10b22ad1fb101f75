import { halves, natural } from "./fault_arguments.ts";
import type { HttpAction, HttpPoint } from "./http_faults.ts";
import { HTTP_ACTIONS, isHttpPoint } from "./http_faults.ts";
import { nearest } from "./nearest.ts";

/** Something that goes wrong on purpose, where, and in which share of the sessions and requests. */
export type Fault = (FaultAction | HttpAction) & {
  readonly at: FaultPoint | HttpPoint;
  /** Of the sessions and requests, 0 to 1, drawn by seed. @default 1 */
  readonly share?: number;
};

/**
 * Where in a session: before the upgrade's answer, before `session.created`, behind a good `session.update`, behind
 * the starting commit, behind the n-th append, behind the final commit, behind the n-th delta, before or in place of
 * `transcription.done`, and behind it.
 */
export type FaultPoint =
  | "accept"
  | "created"
  | "update"
  | "commit"
  | `appends:${number}`
  | "final"
  | `deltas:${number}`
  | "done"
  | "after-done";

/** What goes wrong in a session; some of it in a request too. */
export type FaultAction =
  /** Answers the upgrade with a status and a body; at `accept` only. */
  | { readonly do: "refuse"; readonly status: number; readonly body: string }
  /** Sends an error event; at `done`, in its place. */
  | { readonly do: "error"; readonly code: string; readonly message: string }
  /** Sends a text frame as it stands: bad JSON, JSON that is no object, any event. */
  | { readonly do: "frame"; readonly text: string }
  /** Sends a binary frame. */
  | { readonly do: "binary" }
  /** Sends events of unknown types. */
  | { readonly do: "noise"; readonly count: number }
  /** Sends an empty delta in a frame of this size. */
  | { readonly do: "big"; readonly bytes: number }
  /** Sends nothing for a time, then what was held; for ever, and nothing then, without a time. */
  | { readonly do: "stall"; readonly ms?: number }
  /** Does not read from the socket for a time. */
  | { readonly do: "pause"; readonly ms: number }
  /** Destroys the TCP connection: 1006. */
  | { readonly do: "drop" }
  /** Closes with a code. */
  | { readonly do: "close"; readonly code: number; readonly reason: string }
  /** Sends a ping. */
  | { readonly do: "ping" }
  /** Sends `session.updated`. */
  | { readonly do: "updated" }
  /** Sends done twice; at `done`, as the two below. */
  | { readonly do: "duplicate" }
  /** Sends done without any delta before it. */
  | { readonly do: "no-deltas" }
  /** Sends done without `text`. */
  | { readonly do: "no-text" };

/**
 * Reads `DO[=ARGUMENTS]@POINT[~SHARE]`, as `drop@appends:5`, `close=1011,going away@deltas:3~0.1`,
 * `status=429;retry-after: 2@accept`. `accept` and `done` are points of sessions and of requests; what is done there
 * must be known to either.
 *
 * @throws {TypeError} It is something else.
 */
export function parseFault(text: string): Fault {
  const match = /^([a-z-]+)(?:=(.*))?@([a-z-]+(?::\d+)?)(?:~([\d.]+))?$/s
    .exec(text);
  const [, verb = "", args = "", point = "", share] = match ?? [];
  const action = actionOf(verb, { args, point });
  if (!action || !(Number(share ?? 1) <= 1)) {
    throw new TypeError(
      `Cannot read a fault as it is not DO[=ARGUMENTS]@POINT[~SHARE], for sessions with DO one of ${
        Object.keys(ACTIONS).join(", ")
      } and POINT one of accept, created, update, commit, appends:N, final, deltas:N, done, after-done, ` +
        `for requests with DO one of ${
          Object.keys(HTTP_ACTIONS).join(", ")
        } and POINT one of accept, headers, events:N, bytes:N, done: ` +
        `current value is ${JSON.stringify(text)}${meant(verb, point)}`,
    );
  }
  return {
    ...action,
    at: point as FaultPoint,
    ...(share !== undefined && { share: Number(share) }),
  } as Fault;
}

/** What comes near to what was written, where one of its words is none. */
function meant(verb: string, point: string): string {
  const [at = "", number] = point.split(":");
  const does = nearest(verb, [
    ...Object.keys(ACTIONS),
    ...Object.keys(HTTP_ACTIONS),
  ]);
  const where = nearest(at, POINTS);
  const behind = number === undefined ? "" : `:${number}`;
  const words = [does, where && where + behind].filter(Boolean)
    .map((word) => JSON.stringify(word));
  return words.length > 0 ? `; did you mean ${words.join(" and ")}?` : "";
}

/** The words of all points, of sessions and of requests. */
const POINTS = [
  "accept",
  "created",
  "update",
  "commit",
  "appends",
  "final",
  "deltas",
  "done",
  "after-done",
  "headers",
  "events",
  "bytes",
];

function actionOf(
  verb: string,
  { args, point }: { args: string; point: string },
): FaultAction | HttpAction | undefined {
  if (Object.hasOwn(ACTIONS, verb) && POINT.test(point)) {
    return ACTIONS[verb]!(args);
  }
  return Object.hasOwn(HTTP_ACTIONS, verb) && isHttpPoint(point, verb)
    ? HTTP_ACTIONS[verb]!(args)
    : undefined;
}

const POINT =
  /^(accept|created|update|commit|final|done|after-done|(appends|deltas):[1-9]\d*)$/;

const ACTIONS: Readonly<
  Record<string, (args: string) => FaultAction | undefined>
> = {
  refuse: (args) => {
    const [status, body] = halves(args);
    return statusOf(status) && { do: "refuse", status: Number(status), body };
  },
  error: (args) => {
    const [code, message] = halves(args);
    return { do: "error", code: code || "processing_error", message };
  },
  frame: (text) => ({ do: "frame", text }),
  "bad-json": () => ({
    do: "frame",
    text: '{"type":"transcription.delta","delta":',
  }),
  "non-object": () => ({ do: "frame", text: "[1,2]" }),
  binary: () => ({ do: "binary" }),
  noise: (args) => natural(args || "1", (count) => ({ do: "noise", count })),
  big: (args) => natural(args || "2097152", (bytes) => ({ do: "big", bytes })),
  stall: (args) =>
    args ? natural(args, (ms) => ({ do: "stall", ms })) : { do: "stall" },
  pause: (args) => natural(args, (ms) => ({ do: "pause", ms })),
  drop: () => ({ do: "drop" }),
  close: (args) => {
    const [code, reason] = halves(args);
    return natural(
      code || "1000",
      (code) =>
        isCloseCode(code) && new TextEncoder().encode(reason).length <= 123
          ? { do: "close", code, reason }
          : undefined,
    );
  },
  ping: () => ({ do: "ping" }),
  updated: () => ({ do: "updated" }),
  duplicate: () => ({ do: "duplicate" }),
  "no-deltas": () => ({ do: "no-deltas" }),
  "no-text": () => ({ do: "no-text" }),
};

/** Whether a close frame may carry it: 1004 to 1006 and 1015 stand for something else. */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006)) ||
    (code >= 3000 && code <= 4999);
}

function statusOf(text: string): true | undefined {
  return /^[3-5]\d\d$/.test(text) || undefined;
}
