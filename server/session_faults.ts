import {
  halves,
  MAX_BYTES,
  MAX_EVENTS,
  natural,
  upTo,
} from "./fault_arguments.ts";

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

/** The actions by what they are called, each from its arguments. */
export const SESSION_ACTIONS: Readonly<
  Record<string, (args: string) => FaultAction | undefined>
> = {
  refuse: (args) => {
    const [status, body] = halves(args);
    return /^[3-5]\d\d$/.test(status)
      ? { do: "refuse", status: Number(status), body }
      : undefined;
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
  noise: (args) =>
    upTo(MAX_EVENTS, args || "1", (count) => ({ do: "noise", count })),
  big: (args) =>
    upTo(MAX_BYTES, args || "2097152", (bytes) => ({ do: "big", bytes })),
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

/** Where in a session that can be done; nowhere where it cannot. */
export function sessionPoints(verb: string): readonly string[] {
  if (!Object.hasOwn(SESSION_ACTIONS, verb)) return [];
  if (verb === "refuse") return ["accept"];
  return ["drop", "stall"].includes(verb) ? ["accept", ...LATER] : LATER;
}

/** The points behind the upgrade's answer. */
const LATER = [
  "created",
  "update",
  "commit",
  "appends:N",
  "final",
  "deltas:N",
  "done",
  "after-done",
];
