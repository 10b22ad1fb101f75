import { median, percent, round } from "../numbers.ts";
import type { BenchOptions } from "../options.ts";
import { runClient, startSink } from "../processes.ts";
import {
  type ClientKind,
  type HttpFigures,
  type HttpJob,
  type ScenarioName,
  SCENARIOS,
} from "./scenario.ts";

/** Results of one client: medians of the rounds. */
interface Cost {
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly cpu: number;
  readonly cpuMicrosPerRequest: number;
  readonly cpuMicrosPerEvent: number;
  readonly delayP50Ms?: number;
  readonly delayP99Ms?: number;
  readonly rssBytes: number;
  readonly starved: number;
}

/** Results of a client relative to the bare loop. */
interface Ratios {
  /** Its throughput ÷ the bare loop's. Meaningless for paced streams, where every client does the same work. */
  readonly throughput: number;
  /** The bare loop's processor time per unit of work ÷ its own: its throughput if the processor is the limit. */
  readonly efficiency: number;
}

/** Results of the clients in one scenario. */
interface Comparison {
  readonly costs: Readonly<Record<ClientKind, Cost>>;
  readonly ratios: Readonly<Record<Exclude<ClientKind, "bare">, Ratios>>;
}

interface Measured extends HttpFigures {
  readonly kind: ClientKind;
  readonly scenario: ScenarioName;
}

/** Compares chats by earshot and by a bare loop over undici's dispatch. */
export async function httpSuite(options: BenchOptions) {
  const rounds = await measureAll(options);
  const windowMs = options.seconds * 1000;
  const scenarios: Partial<Record<ScenarioName, Comparison>> = {};
  for (const name of Object.keys(SCENARIOS) as ScenarioName[]) {
    const here = rounds.filter(({ scenario }) => scenario === name);
    scenarios[name] = comparisonOf(name, here, windowMs);
  }
  return { table: tableOf(scenarios, options), scenarios, rounds };
}

/** Runs every client in every round; each round reverses the order. */
async function measureAll(options: BenchOptions): Promise<Measured[]> {
  const kinds = Object.keys(NAMES) as ClientKind[];
  const all: Measured[] = [];
  for (let i = 0; i < options.rounds; i++) {
    for (const scenario of Object.keys(SCENARIOS) as ScenarioName[]) {
      for (const kind of i % 2 === 0 ? kinds : kinds.toReversed()) {
        if (!options.json) console.error(`${kind}, ${scenario} …`);
        await using server = await startSink("http/server.ts");
        const figures = await runClient<HttpJob, HttpFigures>(
          "http/client.ts",
          {
            kind,
            scenario,
            target: server.url,
            warmupMs: options.warmup * 1000,
            windowMs: options.seconds * 1000,
          },
        );
        all.push({ kind, scenario, ...figures });
      }
    }
  }
  return all;
}

function comparisonOf(
  scenario: ScenarioName,
  rounds: readonly Measured[],
  windowMs: number,
): Comparison {
  const cost = (kind: ClientKind) =>
    costOf(rounds.filter((each) => each.kind === kind), windowMs);
  const costs = {
    bare: cost("bare"),
    backend: cost("backend"),
    earshot: cost("earshot"),
  };
  const isWhole = scenario === "json";
  const rate = isWhole ? "requestsPerSecond" : "eventsPerSecond";
  const cpu = isWhole ? "cpuMicrosPerRequest" : "cpuMicrosPerEvent";
  const ratios = (kind: ClientKind): Ratios => ({
    throughput: round(costs[kind][rate] / costs.bare[rate], 2),
    efficiency: round(costs.bare[cpu] / costs[kind][cpu], 2),
  });
  return {
    costs,
    ratios: { backend: ratios("backend"), earshot: ratios("earshot") },
  };
}

function costOf(rounds: readonly Measured[], windowMs: number): Cost {
  const middle = (value: (each: Measured) => number, digits: number) =>
    round(median(rounds.map(value)), digits);
  const delay = (p: "p50" | "p99") =>
    middle(({ delayMs }) => delayMs?.[p] ?? NaN, 2);
  return {
    requestsPerSecond: middle((each) => each.requests * 1000 / windowMs, 0),
    eventsPerSecond: middle((each) => each.events * 1000 / windowMs, 0),
    cpu: middle(({ cpuMs }) => cpuMs / windowMs, 3),
    cpuMicrosPerRequest: middle((each) => each.cpuMs * 1000 / each.requests, 1),
    cpuMicrosPerEvent: middle((each) => each.cpuMs * 1000 / each.events, 2),
    ...(rounds[0]?.delayMs &&
      { delayP50Ms: delay("p50"), delayP99Ms: delay("p99") }),
    rssBytes: middle(({ rssBytes }) => rssBytes, 0),
    starved: middle(({ starved = 0 }) => starved, 3),
  };
}

const NAMES: Readonly<Record<ClientKind, string>> = {
  bare: "bare loop",
  backend: "chat alone",
  earshot: "earshot",
};

const COLUMNS: readonly (readonly [string, (cost: Cost) => string])[] = [
  ["requests/s", (cost) => cost.requestsPerSecond.toFixed(0)],
  ["events/s", (cost) => cost.eventsPerSecond.toFixed(0)],
  ["CPU", (cost) => percent(cost.cpu)],
  ["delay p50 ms", (cost) => cost.delayP50Ms?.toFixed(2) ?? ""],
  ["delay p99 ms", (cost) => cost.delayP99Ms?.toFixed(2) ?? ""],
  ["RSS MB", (cost) => (cost.rssBytes / 1e6).toFixed(0)],
  ["starved", (cost) => percent(cost.starved)],
];

function tableOf(
  scenarios: Partial<Record<ScenarioName, Comparison>>,
  { seconds, rounds }: BenchOptions,
): string {
  const head = [
    ...COLUMNS.map(([title]) => title),
    "rate ÷ bare",
    "bare ÷ CPU",
  ];
  const lines = [
    `chats over HTTP, medians of ${rounds} × ${seconds} s; the last column compares processor time a request, or an event`,
    line("", head),
  ];
  for (const [name, comparison] of Object.entries(scenarios)) {
    lines.push(SCENARIOS[name as ScenarioName].title, ...rowsOf(comparison));
  }
  return lines.join("\n");
}

function rowsOf({ costs, ratios }: Comparison): string[] {
  return (Object.keys(NAMES) as ClientKind[]).map((kind) => {
    const cells = COLUMNS.map(([, cell]) => cell(costs[kind]));
    if (kind === "bare") return line(`  ${NAMES[kind]}`, cells);
    const { throughput, efficiency } = ratios[kind];
    cells.push(throughput.toFixed(2), efficiency.toFixed(2));
    return line(`  ${NAMES[kind]}`, cells);
  });
}

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(13) + cells.map((cell) => cell.padStart(13)).join("");
}
