import { z } from "zod";
import { defineLoad, type LoadPlugin } from "../plugins/mod.ts";
import {
  checkLevels,
  type LevelOptions,
  levelOptions,
  spreadOver,
  stageOf,
} from "./levels.ts";
import { MAX_STREAMS, MAX_TIME_MS, rate, shownTime } from "./options.ts";

/** Options of {@linkcode steps}. */
export interface StepsOptions extends LevelOptions {
  /** Levels, one after another; the last holds to the end of the stage. */
  levels: number[];
  /** Time that each level holds, in milliseconds. @default {30000} */
  holdMs?: number | undefined;
}

const MAX_STEPS = 1000;

/** A rate or a number of sessions in flight that changes in steps, in one stage without a pause between them. */
export const steps: LoadPlugin<StepsOptions> = defineLoad({
  name: "steps",
  summary: "A rate or a number of sessions that changes in steps, in one stage",
  primary: "levels",
  options: z.strictObject({
    levels: z.array(rate).min(1, "must name at least one").max(MAX_STEPS)
      .meta({ examples: [[10, 20, 40]] })
      .describe("Levels, one after another"),
    holdMs: z.number().positive().max(MAX_TIME_MS).default(30_000).describe(
      "Time that each level holds",
    ),
    ...levelOptions,
  }).superRefine((options, issues) => {
    const { levels, of } = options;
    const named = levels.map((level, i) => [["levels", i], level] as const);
    checkLevels(options, named.map(([path, n]) => [[...path], n]), issues);
    const started = risesOf(levels).reduce((sum, rise) => sum + rise, 0);
    if (of === "rate" || started <= MAX_STREAMS) return;
    const message = `must start at most ${MAX_STREAMS} streams in all`;
    issues.addIssue({ code: "custom", path: ["levels"], message });
  }),
  profile: (options) =>
    function* (stream, { stop }) {
      const { levels, holdMs, of } = options;
      const unit = of === "rate" ? "/s" : " streams";
      yield stageOf(options, {
        kind: "steps",
        name: `steps ${levels.join(", ")}${unit}, ${shownTime(holdMs)} each`,
        facts: { levels, holdMs },
        lengthMs: levels.length * holdMs,
        timeOf: (requests) => timeOf(requests, levels, holdMs),
        slots: () => slotsOf(levels, holdMs),
        most: Math.max(...levels),
      }, { random: stream("arrivals"), stop });
    },
});

/** How much each level is above the one before it. */
function risesOf(levels: readonly number[]): number[] {
  return levels.map((level, i) => Math.max(0, level - (levels[i - 1] ?? 0)));
}

/** The time in milliseconds by which steps of rates expect a number of requests. */
function timeOf(
  requests: number,
  levels: readonly number[],
  holdMs: number,
): number {
  let left = requests, atMs = 0;
  for (const level of levels.slice(0, -1)) {
    const expected = level * holdMs / 1000;
    if (left < expected) return atMs + left * 1000 / level;
    left -= expected;
    atMs += holdMs;
  }
  return atMs + left * 1000 / levels.at(-1)!;
}

/** The slots of steps of sessions: of those that a lower level ends, the ones that started last. */
function slotsOf(levels: readonly number[], holdMs: number) {
  const slots: { fromMs: number; untilMs?: number }[] = [];
  const open: typeof slots = [];
  for (const [i, rise] of risesOf(levels).entries()) {
    const atMs = i * holdMs;
    for (const slot of open.splice(levels[i]!)) slot.untilMs = atMs;
    for (let n = 0; n < rise; n++) {
      const slot = { fromMs: atMs + spreadOver(holdMs) * n / rise };
      slots.push(slot);
      open.push(slot);
    }
  }
  return slots;
}
