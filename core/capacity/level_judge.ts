import { seconds } from "../../lib/units.ts";
import type { StageMonitor } from "../contract.ts";
import type { Progress, StageReport } from "../report.ts";
import type { Sample } from "../sample.ts";
import { isGrowing } from "../statistics/trend.ts";
import type { LevelOutcome } from "./bracket.ts";
import type { SloTest } from "./slo_tests.ts";

/** Requests after which a level is looked at for the first time; each later look has twice as many. */
const FIRST_LOOK = 100;
/** Periods into which the time of a level is divided to see whether its queue grows. */
const PERIODS = 30;
/** Growth of the queue that matters, in requests. */
const MIN_GROWTH = 3;
/** Two times of the clock may differ by so much less than what was waited for, in milliseconds. */
const CLOCK_MS = 0.001;

/** Options of a {@linkcode LevelJudge}. */
export interface LevelJudgeOptions {
  /** Tests of the SLOs. */
  readonly tests: readonly SloTest[];
  /** Probability with which any look at this level may err. */
  readonly error: number;
  /** Time for which a level must have been held before it is decided, in milliseconds. */
  readonly holdMs: number;
  /** Whether requests come at a rate of their own, so that a queue may grow. */
  readonly isOpenLoop: boolean;
}

/** Outcome of a level, with its reason for people. */
export interface LevelDecision {
  readonly outcome: LevelOutcome;
  readonly reason: string;
}

/**
 * Decides a level while it runs, by looks after 100, 200, 400, … requests. Look k errs with a probability of at most
 * error ÷ (k(k + 1)), which adds up to `error` over all looks. Requests are taken in the order in which they were sent,
 * each when all before it have ended: slow ones would be missing otherwise.
 */
export class LevelJudge implements StageMonitor {
  readonly #options: LevelJudgeOptions;
  /** Index of the level's stage. */
  stage = 0;
  readonly #early = new Map<number, Sample>();
  #nextId = 0;
  #taken = 0;
  #looks = 0;
  #nextLook = FIRST_LOOK;
  /** When the first measured request was due. */
  #startMs: number | undefined;
  /** Requests in flight, a few times a second. */
  readonly #inFlight: number[] = [];
  #decision: LevelDecision | undefined;

  constructor(options: LevelJudgeOptions) {
    this.#options = options;
  }

  begin(stage: { readonly index: number; readonly firstId: number }): void {
    this.stage = stage.index;
    this.#nextId = stage.firstId;
  }

  samples(batch: readonly Sample[]): void {
    for (const sample of batch) this.#early.set(sample.id, sample);
    for (
      let next = this.#early.get(this.#nextId);
      next;
      next = this.#early.get(this.#nextId)
    ) {
      this.#early.delete(this.#nextId++);
      this.#take(next);
    }
  }

  isDecided({ atMs, phase, inFlight }: Progress): boolean {
    if (phase !== "measure") return this.#decision !== undefined;
    this.#inFlight.push(inFlight);
    const heldMs = atMs - (this.#startMs ?? atMs);
    if (this.#taken >= this.#nextLook && heldMs >= this.#options.holdMs) {
      this.#decision ??= this.#look();
      while (this.#nextLook <= this.#taken) this.#nextLook *= 2;
    }
    return this.#decision !== undefined;
  }

  /** Decides the level when its stage has ended. */
  finish({ verdict, window }: Pick<StageReport, "verdict" | "window">) {
    const decision = this.#finish(verdict, window);
    return { stage: this.stage, ...decision };
  }

  #finish(
    verdict: StageReport["verdict"],
    { startMs, endMs }: StageReport["window"],
  ): LevelDecision {
    if (verdict.status === "failed") {
      const [reason = "no request succeeded"] = verdict.reasons;
      return { outcome: "failed", reason };
    }
    if (verdict.status === "client-limited") {
      return {
        outcome: "client-limited",
        reason: verdict.reasons[0] ?? "the client was the limit",
      };
    }
    const heldMs = endMs - startMs;
    const isHeld = heldMs >= this.#options.holdMs - CLOCK_MS;
    return this.#decision ?? (isHeld ? this.#look() : undefined) ?? {
      outcome: "undecided",
      reason: this.#undecidedReason(heldMs),
    };
  }

  #take(sample: Sample): void {
    if (sample.phase !== "measure") return;
    this.#startMs ??= sample.scheduledMs;
    this.#taken++;
    for (const test of this.#options.tests) test.add(sample);
  }

  #confidence(look: number): number {
    return 1 - this.#options.error / (look * (look + 1));
  }

  /** Looks at the requests so far. */
  #look(): LevelDecision | undefined {
    const confidence = this.#confidence(++this.#looks);
    const judged = this.#options.tests.map((test) => ({
      objective: test.slo.text,
      ...test.judge(confidence),
    }));
    const missed = judged.find(({ isKept }) => isKept === false);
    if (missed) {
      const { objective, evidence } = missed;
      return { outcome: "fail", reason: `${objective}: ${evidence}` };
    }
    if (this.#isQueueGrowing()) {
      const last = this.#inFlight.at(-1)!;
      return {
        outcome: "fail",
        reason: `the queue grew steadily, to ${last} requests in flight`,
      };
    }
    if (judged.some(({ isKept }) => !isKept)) return undefined;
    return {
      outcome: "pass",
      reason: judged.map(({ objective, evidence }) =>
        `${objective}: ${evidence}`
      ).join("; "),
    };
  }

  #isQueueGrowing(): boolean {
    if (!this.#options.isOpenLoop) return false;
    const size = Math.max(1, Math.ceil(this.#inFlight.length / PERIODS));
    const means: number[] = [];
    for (let i = 0; i + size <= this.#inFlight.length; i += size) {
      const part = this.#inFlight.slice(i, i + size);
      means.push(part.reduce((sum, each) => sum + each, 0) / size);
    }
    return isGrowing(means, MIN_GROWTH);
  }

  #undecidedReason(heldMs: number): string {
    const confidence = this.#confidence(Math.max(1, this.#looks));
    const open = this.#options.tests.flatMap((test) => {
      const judged = test.judge(confidence);
      if (judged?.isKept) return [];
      const few = test.hasValues
        ? "too few requests"
        : `no request has a value of ${test.slo.metric}`;
      return `${test.slo.text}: ${judged?.evidence ?? few}`;
    });
    if (open.length > 0) return open.join("; ");
    return `held for ${seconds(heldMs)} of the ${
      seconds(this.#options.holdMs)
    } that it takes`;
  }
}
