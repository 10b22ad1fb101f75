import { Command, InvalidArgumentError } from "commander";

/** Who carries the messages. */
export type TransportName = "native" | "ws";

/** What is measured, and for how long. */
export interface BenchOptions {
  readonly streams: number;
  /** Length of the measured window. */
  readonly seconds: number;
  /** Of load before the window: connecting and warming up. */
  readonly warmup: number;
  /** Each round measures every client once; the order turns round with each. */
  readonly rounds: number;
  readonly chunkMs: number;
  readonly transports: readonly TransportName[];
  /** Prints the JSON line alone. */
  readonly json: boolean;
}

/** Reads the command line; ends the process with a word where it cannot. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { transport, ...flags } = new Command("bench")
    .description(
      "Paced streams through earshot and through a bare loop over the same transport, each client and the server in\n" +
        "a process of its own: lateness of chunks, processor time a message, memory.",
    )
    .option("--streams <n>", "streams at a time", natural, 1000)
    .option("--seconds <n>", "length of the measured window", natural, 10)
    .option("--warmup <n>", "seconds of load before it", natural, 5)
    .option("--rounds <n>", "how often each client is measured", natural, 3)
    .option("--chunk-ms <n>", "length of a chunk of audio", natural, 100)
    .option("--transport <name>", "native | ws | both", transportsOf, BOTH)
    .option("--json", "prints nothing but the JSON line", false)
    .parse(args, { from: "user" })
    .opts<Omit<BenchOptions, "transports"> & { transport: TransportName[] }>();
  return { ...flags, transports: transport };
}

const BOTH: readonly TransportName[] = ["native", "ws"];

function transportsOf(text: string): readonly TransportName[] {
  if (text === "both") return BOTH;
  const known = BOTH.filter((name) => name === text);
  if (known.length > 0) return known;
  throw new InvalidArgumentError("It must be native, ws or both.");
}

function natural(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1.");
}
