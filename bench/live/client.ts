/**
 * Client process: runs earshot with a view that receives every second stage, and prints the figures as JSON.
 *
 * @module
 */
import { systemClock } from "../../core/clock.ts";
import { progressReporter } from "../../cli/progress.ts";
import { parseWebAddress } from "../../cli/live/web_address.ts";
import { startWebView } from "../../cli/live/web_view.ts";
import { chat, concurrent, repeat, run } from "../../mod.ts";
import type { Configured, StageReport } from "../../plugins/mod.ts";
import { PROMPT, SCENARIOS } from "../http/scenario.ts";
import { type LiveJob, type Pair, STAGE_MS, type StageFigures } from "./job.ts";

type View = Configured<"reporter">;

/** The view of a terminal of 120 columns that takes everything at once. */
function terminalView(stack: AsyncDisposableStack): View {
  const file = stack.use(Deno.openSync("/dev/null", { write: true }));
  const encoder = new TextEncoder();
  return stack.use(progressReporter({
    color: "always",
    screen: {
      isTerminal: true,
      isUnicode: true,
      hasColor: true,
      size: () => ({ columns: 120, rows: 40 }),
      write: (text) => void file.writeSync(encoder.encode(text)),
      onResize: () => () => {},
    },
  }));
}

/** The page, open in another process. */
function pageView(stack: AsyncDisposableStack): View {
  const address = parseWebAddress("0");
  const web = stack.use(startWebView(address, { clock: systemClock() }));
  const reader = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("reader.ts", import.meta.url).href, web.url],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  stack.defer(() => reader.kill());
  return web.view;
}

/** Whether the view receives a stage: of two pairs the first and the last stage. */
function isOn(stage: number): boolean {
  return stage % 4 === 0 || stage % 4 === 3;
}

/** The view, without the stages that are measured without it. */
function everySecond(view: View): View {
  return {
    ...view,
    async open(context) {
      const inner = await view.open(context);
      let stage = 0;
      return {
        ...inner,
        samples: (batch) => isOn(stage) ? inner.samples?.(batch) : undefined,
        progress: (state) => isOn(stage) ? inner.progress?.(state) : undefined,
        stage(report) {
          stage++;
          inner.stage?.(report);
        },
      };
    },
  };
}

function figuresOf({ rates, client, counts }: StageReport): StageFigures {
  if (counts.error + counts.timeout > 0) throw new Error("a request failed");
  const requestsPerSecond = rates.requestsPerSecond!;
  return {
    requestsPerSecond,
    cpuMicrosPerRequest: 1e6 * client.cpu! / requestsPerSecond,
    loopDelayMs: client.loopDelay!.max,
  };
}

async function measure(job: LiveJob): Promise<Pair[]> {
  await using stack = new AsyncDisposableStack();
  const { concurrency, stream } = SCENARIOS[job.scenario];
  const view = job.view === "page" ? pageView(stack) : terminalView(stack);
  const { stages } = await run({
    backend: chat({
      target: `${job.target}/${job.scenario}`,
      model: "bench",
      healthPath: "off",
      stream,
    }),
    dataset: repeat({ text: PROMPT }),
    // The first pair is only to warm up.
    load: concurrent({
      streams: Array.from({ length: 2 + 2 * job.pairs }, () => concurrency),
    }),
    stop: { warmupMs: job.warmupMs, durationMs: STAGE_MS, drainMs: 0 },
    reporters: [everySecond(view)],
  });
  const figures = stages.map(figuresOf);
  return Array.from({ length: job.pairs }, (_, i) => {
    const [first, second] = [2 * i + 2, 2 * i + 3];
    const [on, off] = isOn(first) ? [first, second] : [second, first];
    return { on: figures[on]!, off: figures[off]! };
  });
}

console.log(JSON.stringify(await measure(JSON.parse(Deno.args[0]!))));
