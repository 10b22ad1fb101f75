import type { Unit } from "../report.ts";
import type { Delta, Sample } from "../sample.ts";

/** A number, or several, of one sample. docs/metrics.md describes each. */
export interface Metric {
  /** Name in SLOs, JSON and CSV. */
  readonly name: string;
  /** Unit of its values. */
  readonly unit: Unit;
  /** Name for people. */
  readonly label: string;
  /** How it is computed, as docs/metrics.md writes it. */
  readonly formula: string;
  /** Its value in a sample. `undefined`, never 0, where it is unknown. */
  of(sample: Sample): number | readonly number[] | undefined;
}

/** A piece of output with the time of the read that carried it. */
export type TimedDelta = { readonly atMs: number } & Delta;

/** Returns `a − b`, or `undefined` where either is unknown. */
export function minus(
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? undefined : finite(a - b);
}

/** Returns `a ÷ b`, or `undefined` where either is unknown or `b` is 0. */
export function ratio(
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? undefined : finite(a / b);
}

/** Returns a finite number, or `undefined`: a backend may have given NaN. */
export function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Start of a request: of its audio stream, or else its dispatch. */
export function startMs({ marks, dispatchedMs }: Sample): number {
  return marks.streamStart ?? dispatchedMs;
}

/** Whether a delta is text of the answer and not empty. */
export function isText({ kind, text }: Delta): boolean {
  return kind === "text" && text !== undefined && text !== "";
}

/** Whether a delta is output of any kind and not empty: answer, reasoning, refusal, a call's name or arguments, audio. */
export function isToken({ text, bytes = 0 }: Delta): boolean {
  return (text !== undefined && text !== "") || bytes > 0;
}

/** The deltas that are output, by answer: one list, unless several answers were asked for. */
export function tokensByChoice(
  { deltas }: Pick<Sample, "deltas">,
): readonly (readonly TimedDelta[])[] {
  const tokens = deltas.filter(isToken);
  if (tokens.length === 0) return [];
  if (tokens.every(({ choice }) => !choice)) return [tokens];
  return [...Map.groupBy(tokens, ({ choice = 0 }) => choice).values()];
}

/** Times between successive deltas; `undefined` for fewer than two. */
export function gaps(
  deltas: readonly TimedDelta[],
): readonly number[] | undefined {
  if (deltas.length < 2) return undefined;
  const all: number[] = [];
  for (let i = 1; i < deltas.length; i++) {
    const gapMs = deltas[i]!.atMs - deltas[i - 1]!.atMs;
    if (Number.isFinite(gapMs)) all.push(gapMs);
  }
  return all;
}

/** Whether audio was streamed: the output then follows the speaker. */
export function streamedAudio({ audioSent }: Sample): boolean {
  return audioSent.length > 0;
}
