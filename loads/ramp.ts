import { z } from "zod";
import { defineLoad, type LoadPlugin, type LoopSlot } from "../plugins/mod.ts";
import {
  checkLevels,
  type LevelOptions,
  levelOptions,
  spreadOver,
  stageOf,
} from "./levels.ts";
import { MAX_RATE, MAX_TIME_MS, rate, shownTime } from "./options.ts";

/** Options of {@linkcode ramp}. */
export interface RampOptions extends LevelOptions {
  /** Level at the beginning; 0 only in a linear ramp. */
  from: number;
  /** Level at the end, above or below `from`. */
  to: number;
  /** Length of the ramp, in milliseconds; `to` holds afterwards. @default {60000} */
  overMs?: number | undefined;
  /** Course of the level between `from` and `to`. @default {"linear"} */
  shape?: "linear" | "exponential" | undefined;
}

/** A rate or a number of sessions in flight that rises or falls steadily, in one stage. */
export const ramp: LoadPlugin<RampOptions> = defineLoad({
  name: "ramp",
  summary: "A rate or a number of sessions that rises or falls steadily",
  primary: "from",
  options: z.strictObject({
    from: z.number().nonnegative().max(MAX_RATE).meta({ examples: [10] })
      .describe("Level at the beginning; 0 only in a linear ramp"),
    to: rate.meta({ examples: [200] }).describe("Level at the end"),
    overMs: z.number().positive().max(MAX_TIME_MS).default(60_000).describe(
      "Length of the ramp; the level at the end holds afterwards",
    ),
    shape: z.enum(["linear", "exponential"]).default("linear").describe(
      "Course of the level",
    ),
    ...levelOptions,
  }).superRefine((options, issues) => {
    const { from, to, shape } = options;
    checkLevels(options, [[["from"], from], [["to"], to]], issues);
    if (shape === "linear" || from > 0) return;
    const message = "must be above 0 in an exponential ramp";
    issues.addIssue({ code: "custom", path: ["from"], message });
  }),
  profile: (options) =>
    function* (stream, { stop }) {
      const { from, to, overMs, shape, of } = options;
      const unit = of === "rate" ? "/s" : " streams";
      const prefix = shape === "linear" ? "ramp" : "exponential ramp";
      const line = { from, to, seconds: overMs / 1000 };
      const curve = shape === "linear" ? linear(line) : exponential(line);
      yield stageOf(options, {
        kind: "ramp",
        name: `${prefix} from ${from} to ${to}${unit} over ${
          shownTime(overMs)
        }`,
        facts: { from, to, overMs, shape },
        lengthMs: overMs,
        timeOf: (requests) => timeOf(requests, line, curve),
        slots: () => slotsOf(line, curve),
        most: Math.max(from, to),
      }, { random: stream("arrivals"), stop });
    },
});

/** A ramp with its length T in seconds. */
interface Line {
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
}

/** The level r(t) of a ramp, 0 ≤ t ≤ T, and its integral R(t), the expected number of requests. Times are in seconds. */
interface Curve {
  /** R(T) */
  readonly total: number;
  /** R⁻¹: the time by which a number of requests is expected. */
  timeOf(requests: number): number;
  /** r⁻¹: the time at which the ramp reaches a level. */
  timeAt(level: number): number;
}

/** r(t) = from + (to − from) × t ÷ T */
function linear({ from, to, seconds }: Line): Curve {
  const slope = (to - from) / seconds;
  return {
    total: (from + to) / 2 * seconds,
    // Of the two forms of the root of from × t + slope × t² ÷ 2 = requests, the one that loses no digits.
    timeOf(requests) {
      const level = Math.sqrt(Math.max(0, from ** 2 + 2 * slope * requests));
      return requests === 0 ? 0 : 2 * requests / (from + level);
    },
    timeAt: (level) => (level - from) / slope,
  };
}

/** r(t) = from × (to ÷ from)^(t ÷ T) = from × e^(k × t) */
function exponential({ from, to, seconds }: Line): Curve {
  if (from === to) return linear({ from, to, seconds });
  const k = Math.log1p((to - from) / from) / seconds;
  return {
    total: (to - from) / k,
    timeOf: (requests) => Math.log1p(k * requests / from) / k,
    timeAt: (level) => Math.log(level / from) / k,
  };
}

/** The time in milliseconds by which a number of requests is expected, also after the ramp. */
function timeOf(
  requests: number,
  { to, seconds }: Line,
  { total, timeOf }: Curve,
): number {
  return 1000 *
    (requests < total
      ? Math.min(seconds, timeOf(requests))
      : seconds + (requests - total) / to);
}

/**
 * The slots of a ramp of sessions. Up, slot `n` starts when the level reaches `n`; down, it ends when the level falls to
 * `n − 1`. The sessions at the beginning start one after another, those that end first before the others.
 */
function slotsOf({ from, to, seconds }: Line, curve: Curve): LoopSlot[] {
  const spreadMs = spreadOver(1000 * seconds);
  const timeAt = (level: number) => 1000 * curve.timeAt(level);
  const slots: LoopSlot[] = [];
  for (let i = 0; i < from; i++) {
    const n = from - i;
    slots.push({
      fromMs: spreadMs * i / from,
      ...(n > to && { untilMs: timeAt(n - 1) }),
    });
  }
  for (let n = from + 1; n <= to; n++) slots.push({ fromMs: timeAt(n) });
  return slots.sort((a, b) => a.fromMs - b.fromMs);
}
