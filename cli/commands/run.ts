import type { Command } from "commander";
import type { SetExitCode } from "../main.ts";

/** What `earshot run` is told, as commander gives it. */
export interface RunFlags {
  readonly backend?: string;
  readonly target?: string;
  readonly model?: string;
  readonly data: readonly string[];
  readonly load?: string;
  readonly duration?: string;
  readonly requests?: string;
  readonly warmup?: string;
  readonly drain?: string;
  readonly seed: string;
  readonly normalizer: string;
  readonly strict?: boolean;
  readonly maxErrorRate?: string;
  readonly report: readonly string[];
  readonly quiet?: boolean;
}

/** Adds `earshot run`. */
export function addRun(program: Command, setExitCode: SetExitCode): void {
  program.command("run")
    .summary("offer load to a server and report")
    .description(
      "Offers load to a server and reports. Without a target it starts the bundled reference server, without a " +
        "backend it streams speech in real time, without data it sends what earshot brings.",
    )
    .option(
      "-b, --backend <plugin>",
      "what to send: a built-in name, a file or a URL, with options: NAME[=PRIMARY][,key=value…] (default: realtime)",
    )
    .option(
      "-t, --target <url>",
      "the server; short for the backend's option 'target' (default: the bundled reference server)",
    )
    .option(
      "-m, --model <name>",
      "the model; short for the backend's option 'model'",
    )
    .option(
      "-d, --data <data>",
      "a folder of speech, a file (.jsonl, .json, .csv, .parquet, .txt), or a dataset plugin with options; again to put columns of several together (default: clips; for chat, completions, responses and embeddings synthetic,inputTokens=128,outputTokens=64,count=24)",
      collect,
      [],
    )
    .option(
      "-l, --load <load>",
      "concurrent=N[,N…] | constant=RATE[,RATE…] | poisson=RATE[,RATE…], in requests a second; a stage for each number (default: concurrent=1)",
    )
    .option("--duration <time>", "measure each stage for this long: 60s, 5m")
    .option("--requests <n>", "measure this many requests in each stage")
    .option(
      "--warmup <time>",
      "offer load for this long before measuring (default: 0s)",
    )
    .option(
      "--drain <time>",
      "how long requests in flight may go on when none starts any more (default: 30s after a duration)",
    )
    .option("--seed <n>", "fixes the order of the data and the arrivals", "1")
    .option(
      "--normalizer <name>",
      "what is done to texts before their words are compared: none | basic",
      "basic",
    )
    .option(
      "--max-error-rate <share>",
      "exit with 3 where more of a stage's requests than this fail or time out: 5% or 0.05 (default: no limit)",
    )
    .option("--strict", "one item of the data that cannot be used ends the run")
    .option(
      "-r, --report <plugin>",
      "where results go: console | json=FILE | csv=FILE[,rows=requests] | jsonl=FILE; again for several (console is added unless one prints to standard output)",
      collect,
      [],
    )
    .option("-q, --quiet", "no progress, and no summary beside other reports")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: RunFlags) => {
      const { runCommand } = await import("../run_command.ts");
      setExitCode(await runCommand(flags));
    });
}

/** The values of an option that may be given several times. */
export function collect(
  value: string,
  before: readonly string[],
): readonly string[] {
  return [...before, value];
}

const EXAMPLES = `
Without --duration and --requests each item of the data is sent once; with one
of them the data starts again when it ends. Times take ms, s, m and h.
'earshot info NAME' shows the options of a plugin or a load.

Examples:
  earshot run
  earshot run --backend chat
  earshot run --target http://127.0.0.1:8000 --load concurrent=1,8,32 \\
    --duration 60s --warmup 5s
  earshot run --backend realtime,chunkMs=80,transport=ws \\
    --target wss://host/prefix --data ./speech --load poisson=2 --duration 5m \\
    --report json=run.json --report jsonl=samples.jsonl
  earshot run --backend ./my_backend.ts --data manifest.jsonl,limit=100 --strict
`;
