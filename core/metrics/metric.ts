import type { Unit } from "../report.ts";
import type { Delta, Sample } from "../sample.ts";

/** A number, or several, read off one sample: docs/metrics.md has each. */
export interface Metric {
  /** As in SLOs, JSON and CSV. */
  readonly name: string;
  /** Of what `of` returns. */
  readonly unit: Unit;
  /** For people. */
  readonly label: string;
  /** How it is computed, in the words of docs/metrics.md. */
  readonly formula: string;
  /** Reads it off one sample. `undefined` where it is not known; never 0 for that. */
  of(sample: Sample): number | readonly number[] | undefined;
}

/** A piece of output with the time of the read that carried it. */
export type TimedDelta = { readonly atMs: number } & Delta;

/** `a − b`, where both are known. */
export function minus(
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? undefined : finite(a - b);
}

/** `a ÷ b`, where both are known and `b` is not 0. */
export function ratio(
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? undefined : finite(a / b);
}

/** A backend may have given a number that is none: that is not known either. */
export function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** When the clock of a request starts: with its audio stream, or else with its dispatch. */
export function startMs({ marks, dispatchedMs }: Sample): number {
  return marks.streamStart ?? dispatchedMs;
}

/** Text of the answer that is not empty. */
export function isText({ kind, text }: Delta): boolean {
  return kind === "text" && text !== undefined && text !== "";
}

/** Output of any kind that is not empty: answer, reasoning, refusal, a call's name or arguments, audio. */
export function isToken({ text, bytes = 0 }: Delta): boolean {
  return (text !== undefined && text !== "") || bytes > 0;
}

/** The deltas that are output, each answer's apart: one list, unless several answers were asked for. */
export function tokensByChoice(
  { deltas }: Pick<Sample, "deltas">,
): readonly (readonly TimedDelta[])[] {
  const tokens = deltas.filter(isToken);
  if (tokens.length === 0) return [];
  if (tokens.every(({ choice }) => !choice)) return [tokens];
  return [...Map.groupBy(tokens, ({ choice = 0 }) => choice).values()];
}

/** The time between each piece and the next, where there are two or more. */
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

/** Whether audio was streamed: its pieces of output then follow the speaker. */
export function streamedAudio({ audioSent }: Sample): boolean {
  return audioSent.length > 0;
}
