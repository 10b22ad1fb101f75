import {
  type Failure,
  type Instant,
  isToken,
  metricsOf,
  type Outcome,
  type Phase,
  type Sample,
} from "../../plugins/mod.ts";
import { shownText } from "./shown_text.ts";

/** A request as the page shows it. Times are milliseconds on the run's clock. */
export interface RequestDetails {
  /** The request's id. */
  readonly id: number;
  /** Its session. */
  readonly session: string;
  /** Its turn in the session. */
  readonly turn: number;
  /** The part of the stage that it belongs to. */
  readonly phase: Phase;
  /** How it ended. */
  readonly status: Outcome["status"];
  /** Why it failed. */
  readonly failure?: Pick<Failure, "class" | "code" | "message">;
  /** When the load profile wanted it to start. */
  readonly scheduledMs: number;
  /** When it was handed to the backend. */
  readonly dispatchedMs: number;
  /** When it ended. */
  readonly endedMs: number;
  /** Instants that the backend recorded. */
  readonly marks: Readonly<Partial<Record<Instant, number>>>;
  /** When the first output came, and the last. */
  readonly tokensMs?: readonly [first: number, last: number];
  /** Its metrics by name. */
  readonly values: Readonly<Record<string, number>>;
  /** Times of the first and the last streamed chunk of audio. */
  readonly audioMs?: readonly [from: number, until: number];
  /** Texts as they came, of requests with streamed audio: at most {@linkcode MAX_TEXTS}. */
  readonly texts?: readonly { readonly atMs: number; readonly text: string }[];
}

/** Number of texts of a request that the page shows: the first and the last ones. */
export const MAX_TEXTS = 40;

/** Characters of a name or a code. */
const LONGEST_NAME = 200;

/** Characters of one text of many. */
const LONGEST_TEXT = 200;

/** Returns the part of a sample that the page shows. */
export function requestDetails(sample: Sample): RequestDetails {
  const { id, session, phase, marks, deltas, audioSent, outcome } = sample;
  const first = deltas.find(isToken)?.atMs;
  const last = deltas.findLast(isToken)?.atMs;
  const [firstChunk, lastChunk] = [audioSent[0], audioSent.at(-1)];
  return {
    id,
    session: shownText(session.id, LONGEST_NAME),
    turn: session.turn,
    phase,
    status: outcome.status,
    ...(outcome.status !== "ok" &&
      { failure: failureDetails(outcome.failure) }),
    scheduledMs: round(sample.scheduledMs),
    dispatchedMs: round(sample.dispatchedMs),
    endedMs: round(sample.endedMs),
    marks: mapValues(marks, round),
    ...(first !== undefined && last !== undefined &&
      { tokensMs: [round(first), round(last)] }),
    values: mapValues(metricsOf(sample), round),
    ...(firstChunk && lastChunk && {
      audioMs: [
        round(marks.streamStart ?? firstChunk.atMs),
        round(lastChunk.dueMs ?? lastChunk.atMs),
      ],
      texts: textsOf(sample),
    }),
  };
}

function failureDetails(
  { class: name, code, message }: Failure,
): NonNullable<RequestDetails["failure"]> {
  return {
    class: shownText(name, LONGEST_NAME),
    ...(code !== undefined && { code: shownText(code, LONGEST_NAME) }),
    message: shownText(message),
  };
}

/** The texts of a request with times; the middle ones of many are left out. */
function textsOf({ deltas }: Sample): NonNullable<RequestDetails["texts"]> {
  const texts = deltas.filter(({ kind, text }) => kind === "text" && text);
  const half = MAX_TEXTS / 2;
  const kept = texts.length > MAX_TEXTS
    ? [...texts.slice(0, half), ...texts.slice(-half)]
    : texts;
  return kept.map(({ atMs, text = "" }) => ({
    atMs: round(atMs),
    text: shownText(text, LONGEST_TEXT),
  }));
}

function mapValues<T extends object>(
  record: T,
  change: (value: number) => number,
): T {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, change(value)]),
  ) as T;
}

/** Rounds to hundredths: of a millisecond, mostly. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
