import type { Stage } from "../../core/contract.ts";
import type { Progress, StageReport } from "../../core/report.ts";
import type { Capacity } from "../../core/run_results.ts";
import type { Sample } from "../../core/sample.ts";
import { type Random, random } from "../../lib/random.ts";
import { sample } from "./sample.ts";

/** A server with seats, as a function of the requests it has. */
export interface SimulatedServer {
  readonly seats: number;
  /** Time that a seat takes for a request when `inSystem` requests are there. */
  serviceMs(random: Random, inSystem: number): number;
}

/** Requests of an open loop at a simulated server, in the order of their arrivals. */
export function* simulateQueue(
  { seats, serviceMs }: SimulatedServer,
  arrivalsMs: Iterable<number>,
  random: Random,
): Generator<{ readonly atMs: number; readonly endMs: number }> {
  const freeMs = new Float64Array(seats);
  const ends: number[] = [];
  let firstEnd = 0;
  for (const atMs of arrivalsMs) {
    let seat = 0;
    for (let i = 1; i < seats; i++) if (freeMs[i]! < freeMs[seat]!) seat = i;
    while (firstEnd < ends.length && ends[firstEnd]! <= atMs) firstEnd++;
    const startMs = Math.max(atMs, freeMs[seat]!);
    const endMs = startMs + serviceMs(random, ends.length - firstEnd + 1);
    freeMs[seat] = endMs;
    ends.push(endMs);
    for (let i = ends.length - 1; i > 0 && ends[i - 1]! > ends[i]!; i--) {
      [ends[i - 1], ends[i]] = [ends[i]!, ends[i - 1]!];
    }
    yield { atMs, endMs };
  }
}

/** Time between two observations of a stage. */
const TICK_MS = 250;

/** Runs the stages of a search of rates at a simulated server, and returns what it found. */
export function simulateSearch<Result extends Capacity | void>(
  search: Generator<Stage, Result, StageReport>,
  { server, seed, isLimited = () => false }: {
    server: SimulatedServer;
    seed: number;
    /** Whether the client is the limit at a level. */
    isLimited?(level: number): boolean;
  },
): Result {
  const draw = random(seed, "server");
  let step = search.next();
  let startMs = 0, firstId = 0;
  for (let index = 0; !step.done; index++) {
    const stage = step.value;
    const level = stage.load.ratePerSecond as number;
    startMs += stage.settleMs ?? 0;
    const { endMs, nextId, p95 } = simulateStage(stage, {
      server,
      draw,
      startMs,
      index,
      firstId,
    });
    const { warmupMs = 0, durationMs = 0 } = stage.stop ?? {};
    const isDecided = endMs < startMs + warmupMs + durationMs;
    const report = {
      name: stage.name,
      stopped: isDecided ? "decided" : "duration",
      window: { stageStartMs: startMs, startMs, endMs, warmupMs },
      counts: {
        ok: nextId - firstId,
        error: 0,
        timeout: 0,
        cancelled: 0,
        warmup: 0,
        dropped: 0,
      },
      metrics: { latency: { p95 } },
      verdict: {
        status: isLimited(level) ? "client-limited" : "valid",
        reasons: [],
      },
    } as unknown as StageReport;
    startMs = endMs;
    firstId = nextId;
    step = search.next(report);
  }
  return step.value;
}

/** Offers the arrivals of a stage until its monitor or its time ends it; then the server is drained. */
function simulateStage(
  { arrivals, monitor, stop = {} }: Stage,
  { server, draw, startMs, index, firstId }: {
    server: SimulatedServer;
    draw: Random;
    startMs: number;
    index: number;
    firstId: number;
  },
): { endMs: number; nextId: number; p95: number } {
  const { warmupMs = 0, durationMs = 0 } = stop;
  const windowMs = startMs + warmupMs, lastMs = windowMs + durationMs;
  monitor!.begin?.({ index, firstId });
  const requests = simulateQueue(server, arrivals as Iterable<number>, draw);
  let next = requests.next().value!;
  let nextId = firstId;
  let inFlight: Sample[] = [];
  const latencies: number[] = [];
  let nowMs = startMs;
  let isDecided = false;
  while (!isDecided && nowMs < lastMs) {
    nowMs = Math.min(nowMs + TICK_MS, lastMs);
    while (startMs + next.atMs <= nowMs) {
      const atMs = startMs + next.atMs;
      inFlight.push(sample({
        id: nextId++,
        phase: atMs < windowMs ? "warmup" : "measure",
        scheduledMs: atMs,
        dispatchedMs: atMs,
        endedMs: startMs + next.endMs,
      }));
      latencies.push(next.endMs - next.atMs);
      next = requests.next().value!;
    }
    monitor!.samples(inFlight.filter(({ endedMs }) => endedMs <= nowMs));
    inFlight = inFlight.filter(({ endedMs }) => endedMs > nowMs);
    isDecided = monitor!.isDecided({
      atMs: nowMs,
      stage: index,
      phase: nowMs < windowMs ? "warmup" : "measure",
      inFlight: inFlight.length,
    } as Progress);
  }
  monitor!.samples(inFlight);
  const drainedMs = Math.max(nowMs, ...inFlight.map(({ endedMs }) => endedMs));
  latencies.sort((a, b) => a - b);
  const p95 = latencies[Math.floor(0.95 * latencies.length)] ?? 0;
  return { endMs: isDecided ? nowMs : drainedMs, nextId, p95 };
}
