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
      const curve = shape === "linear" ? linear(options) : exponential(options);
      yield stageOf(options, {
        kind: "ramp",
        name: `${prefix} from ${from} to ${to}${unit} over ${
          shownTime(overMs)
        }`,
        facts: { from, to, overMs, shape },
        lengthMs: overMs,
        timeOf: (requests) => timeOf(requests, options, curve),
        slots: () => slotsOf(options, curve),
        most: Math.max(from, to),
      }, { random: stream("arrivals"), stop });
    },
});

/** The level r(t) of a ramp as a function of time t, 0 ≤ t ≤ T. */
interface Curve {
  /** Requests that are expected by T, the integral of r, in units of the level times milliseconds. */
  readonly total: number;
  /** The time by which the integral of r reaches `requests`. */
  timeOf(requests: number): number;
  /** The time at which r reaches a level. */
  timeAt(level: number): number;
}

type Line = Required<Pick<RampOptions, "from" | "to">> & { overMs: number };

/** r(t) = from + (to − from) × t ÷ T */
function linear({ from, to, overMs }: Line): Curve {
  const slope = (to - from) / overMs;
  return {
    total: (from + to) / 2 * overMs,
    // The stable root of from × t + slope × t² ÷ 2 = requests.
    timeOf(requests) {
      const level = Math.sqrt(Math.max(0, from ** 2 + 2 * slope * requests));
      return requests === 0 ? 0 : 2 * requests / (from + level);
    },
    timeAt: (level) => (level - from) / slope,
  };
}

/** r(t) = from × (to ÷ from)^(t ÷ T) = from × e^(k × t) */
function exponential({ from, to, overMs }: Line): Curve {
  if (from === to) return linear({ from, to, overMs });
  const k = Math.log(to / from) / overMs;
  return {
    total: (to - from) / k,
    timeOf: (requests) => Math.log1p(k * requests / from) / k,
    timeAt: (level) => Math.log(level / from) / k,
  };
}

/** The time in milliseconds by which a ramp of rates expects a number of requests. */
function timeOf(
  requests: number,
  { to, overMs }: Line,
  curve: Curve,
): number {
  const level = requests * 1000; // a second has 1000 of the curve's milliseconds
  return level < curve.total
    ? Math.min(overMs, curve.timeOf(level))
    : overMs + (level - curve.total) / to;
}

/**
 * The slots of a ramp of sessions. Up, slot `n` starts when the level reaches `n`; down, it ends when the level falls to
 * `n − 1`. The sessions at the beginning start one after another, those that end first before the others.
 */
function slotsOf({ from, to, overMs }: Line, curve: Curve): LoopSlot[] {
  const spreadMs = spreadOver(overMs);
  const slots: LoopSlot[] = [];
  for (let i = 0; i < from; i++) {
    const n = from - i;
    slots.push({
      fromMs: spreadMs * i / from,
      ...(n > to && { untilMs: curve.timeAt(n - 1) }),
    });
  }
  for (let n = from + 1; n <= to; n++) slots.push({ fromMs: curve.timeAt(n) });
  return slots.sort((a, b) => a.fromMs - b.fromMs);
}
