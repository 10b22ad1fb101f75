import { ARGUMENTS, oneOf } from "./fault_arguments.ts";
import {
  HTTP_ACTIONS,
  type HttpAction,
  type HttpPoint,
  httpPoints,
} from "./http_faults.ts";
import { nearest } from "../lib/nearest.ts";
import {
  type FaultAction,
  type FaultPoint,
  SESSION_ACTIONS,
  sessionPoints,
} from "./session_faults.ts";

/** Something that goes wrong on purpose, where, and in which share of the sessions and requests. */
export type Fault = (FaultAction | HttpAction) & {
  readonly at: FaultPoint | HttpPoint;
  /** Of the sessions and requests, 0 to 1, drawn by seed. @default 1 */
  readonly share?: number;
};

/** The parts of a fault, as they are written. */
interface Parts {
  readonly verb: string;
  readonly args: string;
  readonly point: string;
  readonly share: string | undefined;
}

/**
 * Reads `DO[=ARGUMENTS]@POINT[~SHARE]`, as `drop@appends:5`, `close=1011,going away@deltas:3~0.1`,
 * `status=429;retry-after: 2@accept`. `accept` and `done` are points of sessions and of requests; what is done there
 * must be known to either.
 *
 * @throws {TypeError} It is something else; the message tells which part is wrong.
 */
export function parseFault(text: string): Fault {
  const parts = partsOf(text);
  const { verb, point, share } = parts;
  const rule = wrongPlace(parts);
  if (rule !== undefined) throw problem(text, rule, meant(parts));
  const action = actionOf(parts);
  if (!action) {
    throw problem(text, `${verb} must have ${ARGUMENTS[verb]}`);
  }
  if (share !== undefined && !isShare(share)) {
    throw problem(text, "SHARE must be a number from 0 to 1");
  }
  return {
    ...action,
    at: point as FaultPoint,
    ...(share !== undefined && { share: Number(share) }),
  } as Fault;
}

function problem(text: string, rule: string, hint = ""): TypeError {
  return new TypeError(
    `Cannot read a fault, DO[=ARGUMENTS]@POINT[~SHARE], as ${rule}: current value is ${
      JSON.stringify(text)
    }${hint}`,
  );
}

/** The parts of the text; empty are those that it has not. */
function partsOf(text: string): Parts {
  const [, verb = "", args = "", point = "", share] =
    /^([^=@]*)(?:=(.*))?@([^@~]*)(?:~([^@]*))?$/s.exec(text) ??
      /^([^=@]*)/.exec(text)!;
  return { verb, args, point, share };
}

function isShare(text: string): boolean {
  return /^[\d.]+$/.test(text) && Number(text) <= 1;
}

/** What DO or POINT must be, where that cannot be done there. */
function wrongPlace({ verb, point }: Parts): string | undefined {
  if (!VERBS.includes(verb)) return `DO must be one of ${VERBS.join(", ")}`;
  const points = pointsOf(verb);
  const form = point.replace(/:[1-9]\d*$/, ":N");
  const isNumbered = form !== point;
  if (points.includes(form) && isNumbered === form.includes(":")) {
    return undefined;
  }
  const [word] = point.split(":");
  if (POINTS.includes(`${word}:N`) && !isNumbered) {
    return `${word} must have a number from 1 behind it, as ${word}:5`;
  }
  if (point !== word && POINTS.includes(word!)) {
    return `${word} must have no number behind it`;
  }
  return POINTS.includes(form)
    ? `${verb} must be at ${oneOf(points)}`
    : `POINT, behind an @, must be ${oneOf(points)} for ${verb}`;
}

/** What comes near to what was written, where one of its words is none. */
function meant({ verb, point }: Parts): string {
  const [at = "", number] = point.split(":");
  const does = nearest(verb, VERBS);
  const where = nearest(at, POINTS.map((name) => name.replace(":N", "")));
  const behind = number === undefined ? "" : `:${number}`;
  const words = [does, where && where + behind].filter(Boolean)
    .map((word) => JSON.stringify(word));
  return words.length > 0 ? `; did you mean ${words.join(" and ")}?` : "";
}

function actionOf(
  { verb, args, point }: Parts,
): FaultAction | HttpAction | undefined {
  const form = point.replace(/:\d+$/, ":N");
  return sessionPoints(verb).includes(form)
    ? SESSION_ACTIONS[verb]!(args)
    : HTTP_ACTIONS[verb]!(args);
}

/** All points at which something can be done, in sessions and in requests. */
function pointsOf(verb: string): readonly string[] {
  return [...new Set([...sessionPoints(verb), ...httpPoints(verb)])];
}

const VERBS = [
  ...new Set([...Object.keys(SESSION_ACTIONS), ...Object.keys(HTTP_ACTIONS)]),
];

const POINTS = [...new Set(VERBS.flatMap(pointsOf))];
