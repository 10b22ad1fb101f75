import { median, round } from "../numbers.ts";
import type { BenchOptions } from "../options.ts";
import { runClient, startSink } from "../processes.ts";
import {
  type LiveJob,
  type Pair,
  STAGE_MS,
  type StageFigures,
  type ViewName,
} from "./job.ts";

const VIEWS: readonly ViewName[] = ["terminal", "page"];
const SCENARIOS = ["json", "events"] as const;
type Scenario = typeof SCENARIOS[number];

const TITLES: Readonly<Record<Scenario, string>> = {
  json: "plain JSON, 32 at a time",
  events: "SSE, 100 events an answer, 16 at a time",
};

/** Warm-up of a stage. */
const WARMUP_MS = 250;

/**
 * Compares the throughput of a saturated client with a live view and without, in neighbouring stages of one process: a
 * shared machine changes more from minute to minute than a view takes.
 */
export async function liveSuite(options: BenchOptions) {
  const measured = new Map<string, Pair[]>();
  for (let round = 0; round < options.rounds; round++) {
    for (const scenario of SCENARIOS) {
      for (const view of VIEWS) {
        if (!options.json) console.error(`live ${view}, ${scenario} …`);
        const key = `${scenario} ${view}`;
        const pairs = await measure(scenario, view, options);
        measured.set(key, [...measured.get(key) ?? [], ...pairs]);
      }
    }
  }
  const costs = SCENARIOS.flatMap((scenario) =>
    VIEWS.map((view) => ({
      scenario,
      view,
      ...costOf(measured.get(`${scenario} ${view}`)!),
    }))
  );
  return { table: tableOf(costs), costs };
}

async function measure(
  scenario: Scenario,
  view: ViewName,
  { seconds }: BenchOptions,
): Promise<Pair[]> {
  await using server = await startSink("http/server.ts");
  return await runClient<LiveJob, Pair[]>("live/client.ts", {
    view,
    scenario,
    target: server.url,
    warmupMs: WARMUP_MS,
    pairs: Math.max(1, Math.round(1000 * seconds / STAGE_MS)),
  });
}

/** Medians of the pairs. A ratio is that of a stage with the view to its neighbour without. */
function costOf(pairs: readonly Pair[]) {
  const ratios = (name: keyof StageFigures) =>
    pairs.map(({ on, off }) => on[name] / off[name]).sort((a, b) => a - b);
  const middle = (figures: readonly StageFigures[], name: keyof StageFigures) =>
    median(figures.map((each) => each[name]));
  const rates = ratios("requestsPerSecond");
  const quarter = (part: number) =>
    round(rates[Math.round(part * (rates.length - 1))]!, 3);
  const [on, off] = [pairs.map(({ on }) => on), pairs.map(({ off }) => off)];
  return {
    pairs: pairs.length,
    requestsPerSecond: round(middle(off, "requestsPerSecond"), 0),
    throughput: round(median(rates), 3),
    throughputFrom: quarter(0.25),
    throughputTo: quarter(0.75),
    cpu: round(median(ratios("cpuMicrosPerRequest")), 3),
    loopDelayMs: round(middle(on, "loopDelayMs"), 1),
    loopDelayWithoutMs: round(middle(off, "loopDelayMs"), 1),
  };
}

function tableOf(
  costs: readonly (ReturnType<typeof costOf> & {
    readonly scenario: Scenario;
    readonly view: ViewName;
  })[],
): string {
  const line = (cells: readonly (string | number)[]) =>
    cells.map((cell, i) =>
      i === 0 ? `${cell}`.padEnd(11) : `${cell}`.padStart(16)
    ).join("");
  return [
    "live views: throughput with the view ÷ without, in neighbouring stages of 5 s; medians",
    line([
      "",
      "without, /s",
      "throughput",
      "middle half",
      "CPU/request",
      "loop max ms",
      "without",
      "pairs",
    ]),
    ...costs.flatMap((each) => [
      ...each.view === VIEWS[0] ? [TITLES[each.scenario]] : [],
      line([
        `  ${each.view}`,
        each.requestsPerSecond,
        each.throughput.toFixed(3),
        `${each.throughputFrom.toFixed(3)}–${each.throughputTo.toFixed(3)}`,
        each.cpu.toFixed(3),
        each.loopDelayMs,
        each.loopDelayWithoutMs,
        each.pairs,
      ]),
    ]),
  ].join("\n");
}
