import type { RunStopRules, StopRules } from "../config.ts";
import { UsageError } from "../errors.ts";

/** The ways to give a warm-up or a cool-down: one takes the place of another. */
const LENGTHS = {
  warmup: ["warmupMs", "warmupRequests", "warmupShare", "warmupAuto"],
  cooldown: ["cooldownMs", "cooldownRequests", "cooldownShare", "cooldownAuto"],
} as const;

/** Names of the other rules that give the same part of a stage its length. */
export function alternativesOf(name: string): readonly string[] {
  const names: readonly string[] =
    Object.values(LENGTHS).find((names) => names.some((n) => n === name)) ?? [];
  return names.filter((other) => other !== name);
}

/** The rules of a stage: each of its own takes the place of the run's. */
export function rulesOfStage(run: StopRules, own: StopRules = {}): StopRules {
  const replaced = new Set(Object.keys(own).flatMap(alternativesOf));
  const kept = Object.entries(run).filter(([name]) => !replaced.has(name));
  return { ...Object.fromEntries(kept), ...own };
}

/** Part of a stage by time, by number of requests, or until a state is reached. */
export interface PartLength {
  readonly ms?: number | undefined;
  readonly requests?: number | undefined;
  readonly isAuto?: boolean | undefined;
}

/** Longest warm-up that waits for a steady load, unless a rule says otherwise. */
const MAX_WARMUP_MS = 60_000;

/** Length of the warm-up, its share resolved. */
export function warmupOf(stop: StopRules): PartLength {
  const { warmupMs = stop.warmupAuto ? MAX_WARMUP_MS : 0 } = stop;
  if (stop.warmupAuto) return { ms: warmupMs, isAuto: true };
  if (stop.warmupRequests !== undefined) {
    return { requests: stop.warmupRequests };
  }
  return shareLength(stop.warmupShare, stop) ?? { ms: warmupMs };
}

/** Length of the cool-down, its share resolved; `undefined` without one. */
export function cooldownOf(stop: StopRules): PartLength | undefined {
  const { cooldownMs, cooldownRequests, cooldownShare } = stop;
  if (stop.cooldownAuto) return { isAuto: true };
  if (cooldownRequests !== undefined) return { requests: cooldownRequests };
  return shareLength(cooldownShare, stop) ??
    (cooldownMs ? { ms: cooldownMs } : undefined);
}

/** A share of the duration, or else of the number of requests, rounded: at least one, unless the share is 0. */
function shareLength(
  share: number | undefined,
  { durationMs, requests }: StopRules,
): PartLength | undefined {
  if (share === undefined) return undefined;
  if (durationMs !== undefined) return { ms: share * durationMs };
  return {
    requests: Math.max(Math.sign(share), Math.round(share * requests!)),
  };
}

type Check = readonly [holds: (value: number) => boolean, rule: string];

const time: Check = [(ms) => ms >= 0 && ms < Infinity, "0 or more"];
const positiveTime: Check = [(ms) => ms > 0 && ms < Infinity, "above 0"];
const number: Check = [
  (value) => Number.isSafeInteger(value) && value > 0,
  "a whole number from 1 on",
];
const share: Check = [
  (value) => value > 0 && value <= 1,
  "above 0 and at most 1",
];
const part: Check = [
  (value) => value >= 0 && value < Infinity,
  "a share of 0 or more",
];

const RUN_CHECKS: Readonly<Partial<Record<keyof RunStopRules, Check>>> = {
  durationMs: positiveTime,
  requests: number,
  errors: number,
  errorRate: share,
  recentErrorRate: share,
  recentErrorWindow: number,
};

const CHECKS: Readonly<Partial<Record<keyof StopRules, Check>>> = {
  ...RUN_CHECKS,
  warmupMs: time,
  warmupRequests: number,
  warmupShare: part,
  cooldownMs: time,
  cooldownRequests: number,
  cooldownShare: part,
  drainMs: time,
  silenceMs: positiveTime,
};

/** @throws {UsageError} If a rule of a stage has no meaning, contradicts another one, or lacks one that it needs. */
export function checkStopRules(stop: StopRules): void {
  check(stop, CHECKS);
  if (stop.durationMs !== undefined || stop.requests !== undefined) return;
  const names = ["warmupShare", ...LENGTHS.cooldown] as const;
  const lacking = names.find((name) => stop[name]);
  if (lacking === undefined) return;
  throw new UsageError(
    `${lacking} needs a duration or a number of requests, but neither was given`,
  );
}

/** @throws {UsageError} If a rule of a run has no meaning, or lacks one that it needs. */
export function checkRunStopRules(stop: RunStopRules): void {
  check(stop, RUN_CHECKS);
}

function check(
  rules: StopRules,
  checks: Readonly<Partial<Record<keyof StopRules, Check>>>,
): void {
  for (const [name, [holds, rule]] of Object.entries(checks)) {
    const value = rules[name as keyof StopRules];
    if (value === undefined || holds(value as number)) continue;
    throw new UsageError(`${name} must be ${rule}, but was ${value}`);
  }
  const conflict = conflictOf(rules);
  if (conflict) throw new UsageError(`${conflict.path} ${conflict.message}`);
}

/** Returns a rule that contradicts another one, or lacks the one that it belongs to. */
export function conflictOf(
  stop: StopRules,
): { readonly path: string; readonly message: string } | undefined {
  if (
    stop.recentErrorWindow !== undefined && stop.recentErrorRate === undefined
  ) {
    return {
      path: "recentErrorWindow",
      message: "needs recentErrorRate, which looks back on that many requests",
    };
  }
  for (const names of Object.values(LENGTHS)) {
    const [first, second] = names.filter((name) => stop[name]);
    // The limit of the wait for a steady load.
    if (first === "warmupMs" && second === "warmupAuto") continue;
    if (second === undefined) continue;
    return {
      path: second,
      message: `must not be given with ${first}: choose one`,
    };
  }
  return undefined;
}
