import { UsageError } from "./errors.ts";
import type { ObjectiveResult, Rates } from "./report.ts";

/** A limit that every stage must keep. */
export interface Objective {
  /** As reports write it: `errorRate<=5%`. */
  readonly text: string;
  /** The highest share of requests that may fail, 0 to 1. */
  readonly maxErrorRate: number;
}

/**
 * The objective that at most this share of a stage's requests fail.
 *
 * @param share 0 to 1: 0.05 for 5 %.
 * @throws {UsageError} If it is no share.
 */
export function maxErrorRate(share: number): Objective {
  if (!(share >= 0 && share <= 1)) {
    throw new UsageError(
      `maxErrorRate must be between 0 and 1, but was ${share}`,
    );
  }
  // Twelve digits: enough for any limit, and without the noise of 0.07 * 100.
  const percent = Number((100 * share).toPrecision(12));
  return { text: `errorRate<=${percent}%`, maxErrorRate: percent / 100 };
}

/**
 * Reads an objective as a report has it.
 *
 * @throws {UsageError} If it is of another kind.
 */
export function parseObjective(text: string): Objective {
  const [, percent] = text.match(/^errorRate<=(\d+(?:\.\d+)?(?:e-\d+)?)%$/) ??
    [];
  if (percent === undefined) {
    throw new UsageError(
      `slo must be written as errorRate<=5%, but was ${JSON.stringify(text)}`,
    );
  }
  return { ...maxErrorRate(Number(percent) / 100), text };
}

/** Whether a stage kept each objective. Without a value it did not: nothing shows that it did. */
export function judgeObjectives(
  objectives: readonly Objective[],
  { errorRate }: Rates,
): ObjectiveResult[] {
  return objectives.map(({ text, maxErrorRate }) => ({
    objective: text,
    ...(errorRate !== undefined && { value: errorRate }),
    pass: errorRate !== undefined && errorRate <= maxErrorRate,
  }));
}
