import type { Activity } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { RunStopRules, StopRules } from "../config.ts";
import { RequestError } from "../errors.ts";
import { SaturationWatch, SteadyWatch } from "./load_series.ts";
import type { Sample } from "../sample.ts";
import type { Shard } from "../shard.ts";
import { type Stop, StopJudge } from "./stop_judge.ts";

/** Longest silence of all requests in flight: as long as an upload may take by default. */
const MAX_SILENCE_MS = 3_600_000;

/** Options of a {@linkcode StopWatch}. */
export interface StopWatchOptions {
  /** The run's clock. */
  readonly clock: Clock;
  /** Rules of the stage. */
  readonly stop: StopRules;
  /** Rules of the run. */
  readonly stopRun: RunStopRules;
  /** Judges the rules of the run: it has seen the stages before. */
  readonly runJudge: StopJudge;
  /** Part of the load that is offered here. */
  readonly shard: Shard;
  /** Ends the stage. Called again for rules that are met later. */
  end(stop: Stop): void;
  /** Gives up the requests in flight. */
  giveUp(reason: Error): void;
}

/**
 * Judges the stop rules of a stage, those on the length of its window excepted: when requests start and end, and a few
 * times a second, as a server that hangs ends none.
 */
export class StopWatch {
  /** Records when anything was sent or received. */
  readonly activity: Activity;
  readonly #options: StopWatchOptions;
  readonly #judges: readonly StopJudge[];
  readonly #steady: SteadyWatch | undefined;
  readonly #saturation: SaturationWatch | undefined;
  #cancelEnd = () => {};

  constructor(options: StopWatchOptions) {
    const { clock, stop, stopRun, runJudge, shard } = options;
    this.#options = options;
    this.activity = { atMs: clock.now() };
    // The window counts its own requests.
    const { requests: _, ...rules } = stop;
    this.#judges = [runJudge, new StopJudge(rules, "stage", shard)];
    if (stop.saturation || stopRun.saturation) {
      this.#saturation = new SaturationWatch(clock.now());
    }
    if (stop.warmupAuto) this.#steady = new SteadyWatch(clock.now());
    const { durationMs } = stopRun;
    if (durationMs === undefined) return;
    this.#cancelEnd = clock.at(durationMs, () =>
      options.end({
        reason: "duration",
        cause: { scope: "run", value: durationMs, limit: durationMs },
      }));
  }

  /** Begins to look for a queue that grows: measuring has begun. */
  begin(atMs: number): void {
    this.#saturation?.begin(atMs);
  }

  /** Counts a request that starts; it was due at `scheduledMs`. */
  started(scheduledMs: number): void {
    this.#act(scheduledMs);
    this.#endFor((judge) => judge.started());
  }

  /** Counts a request that has ended. */
  ended(sample: Sample): void {
    this.#act(sample.endedMs);
    this.#endFor((judge) => judge.ended(sample));
  }

  /** Adds a request that has ended to the series of the load, off the timed path. */
  add(sample: Sample): void {
    this.#steady?.add(sample);
    this.#saturation?.add(sample);
  }

  /** Judges what no request that ends would show: silence and a queue that grows. */
  look(inFlight: number): void {
    const { clock, stop: { silenceMs = MAX_SILENCE_MS }, end, giveUp } =
      this.#options;
    const nowMs = clock.now();
    if (inFlight > 0 && nowMs - this.activity.atMs >= silenceMs) {
      end({
        reason: "silence",
        cause: { scope: "stage", value: silenceMs, limit: silenceMs },
      });
      giveUp(
        new RequestError(
          "receive_timeout",
          `no request of the stage sent or received anything for ${silenceMs} ms`,
        ),
      );
    }
    const growth = this.#saturation?.look(nowMs, inFlight);
    if (growth) this.#endFor((judge) => judge.grown(growth));
  }

  /** Whether the load is steady, if a rule asks for that. */
  isSteady(inFlight: number): boolean {
    const nowMs = this.#options.clock.now();
    return this.#steady?.look(nowMs, inFlight) ?? false;
  }

  /** Cancels the timer. */
  cancel(): void {
    this.#cancelEnd();
  }

  /** Records a sign of life, by a time that was read before: the clock is not read for it. */
  #act(atMs: number): void {
    if (atMs > this.activity.atMs) this.activity.atMs = atMs;
  }

  #endFor(judge: (judge: StopJudge) => Stop | undefined): void {
    for (const each of this.#judges) {
      const stop = judge(each);
      if (stop) this.#options.end(stop);
    }
  }
}
