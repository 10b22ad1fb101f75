import type { Command } from "commander";
import type { ConfigFlags } from "../config.ts";
import { collect } from "../flags.ts";
import type { WebView } from "../live/web_view.ts";
import { interruptible } from "../interrupt.ts";
import {
  EXIT,
  exitCodeOf,
  printError,
  printProblems,
  type SetExitCode,
  visible,
  warn,
} from "../output.ts";

/** Flags of `earshot run`. */
export interface RunFlags extends ConfigFlags {
  readonly quiet?: boolean;
  readonly color?: string;
  readonly printConfig?: boolean;
  readonly live?: boolean;
  readonly ui?: string | true;
}

/** Adds `earshot run`. */
export function addRun(program: Command, setExitCode: SetExitCode): void {
  program.command("run")
    .summary("offer load to a server and report")
    .description(
      "Offers load to a server and reports. Without a target it starts the bundled reference server, without a " +
        "backend it streams speech in real time, without data it sends the bundled speech or synthetic prompts.",
    )
    .option(
      "--config <file>",
      "the run as a file: .yaml, .json, .ts, or the report or samples of an earlier run; other flags override it, option by option; --data, --report and --slo replace its lists",
    )
    .option(
      "-b, --backend <plugin>",
      "how to send requests: a built-in name, a file or a URL, with options: NAME[=PRIMARY][,key=value…] (default: realtime)",
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
      "a folder of speech, a file (.jsonl, .json, .csv, .parquet, .txt), or a dataset plugin with options; repeat to join the columns of several (default: clips; for chat, completions, responses and embeddings synthetic,inputTokens=128,outputTokens=64,count=24)",
      collect,
    )
    .option(
      "-l, --load <load>",
      "sync | concurrent=1,8,32 | throughput | constant=10 | poisson=10,20 | gamma=10,burstiness=0.5 | burst=50,every=10s | ramp=10,to=200,over=60s | steps=10,20,40,hold=30s | users=20,arrive=2 | replay=trace.jsonl | sweep | search, rates in requests a second, or a load plugin; repeat to run the stages of several one after another (default: concurrent=1)",
      collect,
    )
    .option("--duration <time>", "measure each stage for this long: 60s, 5m")
    .option("--requests <n>", "measure this many requests in each stage")
    .option(
      "--warmup <length>",
      "offer load before measuring: 10s, 100 requests, 10% of --duration or --requests in addition, or auto until it is steady (default: 0s)",
    )
    .option(
      "--cooldown <length>",
      "offer load after measuring: 10s, 100 requests, 10%, or auto until the measured requests have ended (default: 0s)",
    )
    .option(
      "--drain <time>",
      "time for requests in flight once no more are started (default: 1h after a number of requests or the end of the data, otherwise 30s)",
    )
    .option(
      "--stop <rules>",
      "end a stage early: errors=N | errorRate=SHARE | recentErrorRate=SHARE[,window=N] | saturation | silence=TIME, joined by commas; repeat for several (default: silence=1h)",
      collect,
    )
    .option(
      "--stop-run <rules>",
      "end the run, whichever stage goes on: duration=TIME | requests=N | errors=N | errorRate=SHARE | recentErrorRate=SHARE[,window=N] | saturation",
      collect,
    )
    .option(
      "--repeat <n>",
      "run all stages this many times, each with another seed, and report intervals across the runs",
    )
    .option(
      "--seed <n>",
      "seed of the data's order and of arrivals (default: 1)",
    )
    .option(
      "--normalizer <name>",
      "normalizer of texts before words are compared: none | basic (default: basic)",
    )
    .option(
      "--slo <objective>",
      "exit with 3 if a stage misses it: ttft.p95<200ms, errorRate<1%, wer<8%, requestsPerSecond>=20; repeat for several",
      collect,
    )
    .option(
      "--max-error-rate <share>",
      "adds the SLO errorRate<=SHARE: 5% or 0.05 (default: no limit)",
    )
    .option(
      "--max-client-share <max>",
      "call a stage client-limited if the client's share of a headline metric may exceed this: 5% or 0.05 (default: 10%)",
    )
    .option(
      "--min-samples <n>",
      "mark percentiles of fewer values, and call a stage too-few-samples if an SLO is on one: a number, or mlperf for MLPerf's numbers",
    )
    .option(
      "--probe-rtt",
      "measure round trips to the server before and after each stage, and show TTFT without them",
    )
    .option(
      "--strict",
      "end the run at the first item of the data that cannot be used",
    )
    .option(
      "-r, --report <plugin>",
      "where results go: console | html=FILE | json=FILE | csv=FILE[,rows=requests] | jsonl=FILE | markdown=FILE | junit=FILE; repeat for several (console is added unless one prints to standard output)",
      collect,
    )
    .option(
      "--color <when>",
      "colour of the console's report and of the live view: auto (on a terminal, unless NO_COLOR is set) | always | never (default: auto)",
    )
    .option("-q, --quiet", "no progress, and no summary beside other reports")
    .option(
      "--no-live",
      "on a terminal, print a line of progress every 10 s in place of the live view",
    )
    .option(
      "--ui [address]",
      "show the run while it goes on as a page at http://127.0.0.1:8090: a port, or HOST:PORT to let other machines see it, with a token",
    )
    .option(
      "--print-config",
      "print the run as YAML, with the source of each value, and do not run it",
    )
    .addHelpText("after", EXAMPLES)
    .action(async (flags: RunFlags) => setExitCode(await runCommand(flags)));
}

const EXAMPLES = `
Without --duration and --requests each item of the data is sent once; with one
of them the data starts again when it ends. With no target, data, load or limit
at all, 24 requests are sent over 8 streams. Times take ms, s, m and h.
'earshot info NAME' shows the options of a plugin.

Examples:
  earshot run
  earshot run --backend chat
  earshot run --target http://127.0.0.1:8000 --load concurrent=1,8,32 \\
    --duration 60s --warmup 5s --slo 'ttft.p95<200ms'
  earshot run --backend realtime,chunkMs=80,transport=ws \\
    --target wss://host/prefix --data ./speech --load poisson=2 --duration 5m \\
    --report json=run.json --report jsonl=samples.jsonl
  earshot run --backend ./my_backend.ts --data manifest.jsonl,limit=100 --strict
  earshot run --config bench.yaml --load concurrent=64
  earshot run --target http://127.0.0.1:8000 --load poisson=4 --duration 5m \\
    --warmup auto --cooldown auto --stop saturation,errors=20 \\
    --stop-run recentErrorRate=50%,duration=1h
  earshot run --config run.json --report json=again.json
`;

/** Runs `earshot run`; returns the exit code. */
async function runCommand(flags: RunFlags): Promise<number> {
  const { readRun } = await import("../prepare.ts");
  const { execute, recordConfig } = await import("../../plugins/run.ts");
  using interrupt = interruptible();
  await using prepared = await readRun(flags);
  const { run, dataset, sourceOf } = prepared;
  const execution = { ...run, dataset, reporters: run.reports };
  if (flags.printConfig) {
    const { formatConfig } = await import("../config_file.ts");
    const text = formatConfig(recordConfig(execution), sourceOf);
    console.log(visible(text.trimEnd()));
    return EXIT.done;
  }
  const { progressReporter } = await import("../progress.ts");
  await using web = await webView(flags);
  const { countStages } = await import("../live/stage_count.ts");
  const backend = await prepared.startBackend();
  using progress = progressReporter({
    ...flags,
    signal: interrupt.signal,
    stages: await countStages(run),
  });
  const { printBeside, stepSummary } = await import("../run_reporters.ts");
  const warnBeside = (message: string) => progress.aside(() => warn(message));
  const summary = stepSummary(run.config.reports, (name) => Deno.env.get(name));
  const report = await execute({
    ...execution,
    backend,
    reporters: [
      ...run.reports.map((each) => printBeside(progress, each)),
      progress,
      ...web ? [web.view] : [],
      ...summary ? [summary] : [],
    ],
  }, {
    signal: interrupt.signal,
    warn: warnBeside,
  });
  await printProblems(report, run.reports.map(({ name }) => name));
  const code = exitCodeOf(report);
  return code === EXIT.interrupted ? interrupt.exitCode : code;
}

/** Starts the live page, if it is wanted. Nothing of it is loaded otherwise. */
async function webView({ ui }: RunFlags): Promise<WebView | undefined> {
  if (ui === undefined) return undefined;
  const { parseWebAddress } = await import("../live/web_address.ts");
  const address = parseWebAddress(ui);
  const { startWebView } = await import("../live/web_view.ts");
  const { systemClock } = await import("../../core/clock.ts");
  const view = startWebView(address, { clock: systemClock() });
  printError(`earshot: live page until the run ends: ${view.url}`);
  return view;
}
