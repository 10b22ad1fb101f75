import { z } from "zod";
import {
  defineLoad,
  type LoadPlugin,
  type LoopSlot,
  poissonArrivals,
  type Random,
} from "../plugins/mod.ts";
import { MAX_TIME_MS, rate, streamCount } from "./options.ts";

/** Options of {@linkcode users}. */
export interface UsersOptions {
  /** Number of users. @default {10} */
  users?: number | undefined;
  /** Mean number of users who arrive in a second, until all are there. @default {1} */
  arrive?: number | undefined;
  /** Mean think time, in milliseconds. @default {7000} */
  thinkMs?: number | undefined;
}

/** Mean think time of the TPC-W benchmark, which also draws it from an exponential distribution. */
const THINK_MS = 7000;

/** Closed loop: users arrive at random times and stay, with a think time before each turn and each session. */
export const users: LoadPlugin<UsersOptions> = defineLoad({
  name: "users",
  summary: "Closed loop: users who arrive at random, stay, and think",
  primary: "users",
  options: z.strictObject({
    users: streamCount.default(10).describe("Number of users"),
    arrive: rate.default(1).describe(
      "Users who arrive in a second, on average, until all are there",
    ),
    thinkMs: z.number().nonnegative().max(MAX_TIME_MS).default(THINK_MS)
      .describe(
        "Mean think time between sessions, and between turns whose data has none",
      ),
  }),
  profile: ({ users, arrive, thinkMs }) =>
    function* (stream) {
      const arrivals = poissonArrivals(arrive, stream("arrivals"));
      const slots = arrivals.take(users).map((fromMs, i): LoopSlot => ({
        fromMs,
        thinkTimes: {
          [Symbol.iterator]: () => thinkTimes(thinkMs, stream(`think/${i}`)),
        },
      }));
      yield {
        name: `${users} users, ${arrive} arrive a second`,
        load: { kind: "users", users, arrivePerSecond: arrive, thinkMs },
        arrivals: { concurrency: users, slots: slots.toArray() },
      };
    },
});

/** Exponentially distributed times. */
function* thinkTimes(meanMs: number, random: Random): Generator<number, void> {
  while (true) yield -Math.log(1 - random()) * meanMs;
}
