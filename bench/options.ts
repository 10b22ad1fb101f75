import { Command, InvalidArgumentError } from "commander";

/** WebSocket implementation. */
export type TransportName = "native" | "ws";

/** Clients to compare. */
export type SuiteName = "http" | "live" | "realtime";

/** Workloads to measure, and their length. */
export interface BenchOptions {
  readonly suites: readonly SuiteName[];
  readonly streams: number;
  /** Length of the measured window. */
  readonly seconds: number;
  /** Length of the load before the window: connecting and warm-up. */
  readonly warmup: number;
  /** Number of rounds. Each measures every client once, in the reverse order of the last. */
  readonly rounds: number;
  readonly chunkMs: number;
  readonly transports: readonly TransportName[];
  /** Prints only the line of JSON. */
  readonly json: boolean;
}

/** Parses the command line. Ends the process with a message if it is invalid. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { transport, suite, ...flags } = new Command("bench")
    .description(
      "Earshot beside the least client that does the same over the same transport, each client and the server in a\n" +
        "process of its own. http: requests and events a second, and the delay added to paced events. live: the\n" +
        "throughput with a live view and without. realtime: lateness of paced chunks, processor time a message, memory.",
    )
    .option("--suite <name>", "http | live | realtime | all", suitesOf, SUITES)
    .option("--streams <n>", "streams of speech at a time", natural, 1000)
    .option("--seconds <n>", "length of the measured window", natural, 10)
    .option("--warmup <n>", "seconds of load before it", natural, 5)
    .option("--rounds <n>", "how often each client is measured", natural, 3)
    .option("--chunk-ms <n>", "length of a chunk of audio", natural, 100)
    .option("--transport <name>", "native | ws | both", transportsOf, BOTH)
    .option("--json", "prints nothing but the JSON line", false)
    .parse(args, { from: "user" })
    .opts<
      & Omit<BenchOptions, "transports" | "suites">
      & { transport: readonly TransportName[]; suite: readonly SuiteName[] }
    >();
  return { suites: suite, transports: transport, ...flags };
}

const SUITES: readonly SuiteName[] = ["http", "live", "realtime"];

function suitesOf(text: string): readonly SuiteName[] {
  if (text === "all") return SUITES;
  const known = SUITES.filter((name) => name === text);
  if (known.length > 0) return known;
  throw new InvalidArgumentError("must be http, live, realtime or all.");
}

const BOTH: readonly TransportName[] = ["native", "ws"];

function transportsOf(text: string): readonly TransportName[] {
  if (text === "both") return BOTH;
  const known = BOTH.filter((name) => name === text);
  if (known.length > 0) return known;
  throw new InvalidArgumentError("must be native, ws or both.");
}

function natural(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError("must be a whole number from 1.");
}
