// The client's share, rates and verdicts of whole runs, held against the log of a server in its own process.

import assert from "node:assert/strict";
import type { Report, Sample } from "../mod.ts";
import type { LogEntry } from "../server/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, samplesIn, tempFolder } from "./support/files.ts";
import { printDistributions } from "./support/ground_truth_table.ts";
import { serve } from "./support/serve.ts";

/**
 * Two processes read the same hardware clock, but each relates it to wall time once, at its start. The server stamps
 * before it writes, and on a busy machine it may lose the processor in between.
 */
const TOLERANCE_MS = 10;

Deno.test("64 cold streams bound what the client adds to TTFT and latency, and replay gives the same report", async () => {
  await using server = await serve([
    "--set",
    "ttftMs=100",
    "--set",
    "itlMs=20",
  ]);
  const { report, samples, saved, replayed, stdout } = await measured(
    server.url,
    [
      ...["--data", "synthetic,inputTokens=32,outputTokens=20,count=64"],
      ...["--load", "concurrent=64", "--requests", "256"],
    ],
  );
  const [stage] = report.stages;
  assert.deepEqual(stage!.counts.failures, {});
  assert.equal(samples.length, 256);

  for (const { id, client } of samples) {
    for (const name of ["sendingMs", "firstTokenMs", "endMs"] as const) {
      const ms = client?.[name];
      assert.ok(ms !== undefined && ms >= 0, `request ${id}: ${name} ${ms}`);
    }
  }
  for (const name of ["ttftShare", "latencyShare"] as const) {
    assert.equal(stage!.client[name]?.n, 256, name);
  }
  assert.equal(stage!.client.connectAhead?.n, 64);
  assert.match(stdout, /adds to TTFT +≤ [\d.]+ ms to p50, ≤ [\d.]+ ms to p99/);
  assert.match(stdout, /connections +64 opened ahead, in [\d.]+ ms p50/);

  const waits = waitsOf(samples, await server.log(), report.run.epochMs);
  printDistributions(
    "64 cold streams, ms",
    Object.entries(waits).flatMap(([name, values]) => [
      [`${name} since the server's write`, values.map(({ ms }) => ms)],
      [`${name}, bound`, values.map(({ boundMs }) => boundMs)],
    ]),
  );
  for (const [name, values] of Object.entries(waits)) {
    const covered = values.filter(({ ms, boundMs }) =>
      ms <= boundMs + TOLERANCE_MS
    );
    const share = covered.length / values.length;
    assert.ok(share >= 0.95, `${name}: ${share} of the bounds hold`);
  }

  assert.match(replayed, /"ttftShare":/);
  assert.equal(replayed, saved);
});

Deno.test("run of 4 requests on a quiet server exits with 0", async () => {
  await using server = await serve(["--set", "ttftMs=1", "--set", "itlMs=1"]);
  for (let i = 0; i < 3; i++) {
    const { code, stdout, report } = await measured(server.url, [
      ...["--data", "synthetic,inputTokens=8,outputTokens=4"],
      ...["--requests", "4"],
    ]);
    assert.equal(code, 0, stdout);
    assert.equal(report.stages[0]!.verdict.status, "too-few-samples");
    assert.match(stdout, /only 4 requests succeeded/);
  }
});

Deno.test("a window shorter than the requests has the rate of the streams ÷ the latency", async () => {
  await using server = await serve([
    "--set",
    "ttftMs=200",
    "--set",
    "itlMs=60",
  ]);
  // A request takes 200 + 29 · 60 = 1940 ms. The second of each stream starts within the window, and ends after it.
  const { stdout, report } = await measured(server.url, [
    ...["--data", "synthetic,inputTokens=16,outputTokens=30"],
    ...["--load", "concurrent=16", "--warmup", "1.5s", "--duration", "1s"],
  ]);
  const { counts, metrics, rates, window, notes = [] } = report.stages[0]!;
  assert.deepEqual([counts.ok, counts.warmup, counts.cancelled], [16, 16, 0]);
  const expected = 16 / (metrics["latency"]!.mean / 1000);
  assert.ok(
    Math.abs(rates.requestsPerSecond! / expected - 1) < 0.05,
    `${rates.requestsPerSecond} of ${expected} requests/s`,
  );
  const { startMs, endMs } = window;
  const { epochMs } = report.run;
  const tokens =
    (await server.log()).filter((entry) =>
      isSent(entry) && isToken(entry) &&
      entry.atMs > epochMs + startMs && entry.atMs < epochMs + endMs
    ).length;
  assert.ok(
    Math.abs(rates.outputTokensPerSecond! / tokens - 1) < 0.05,
    `${rates.outputTokensPerSecond} of ${tokens} tokens/s`,
  );
  assert.match(notes.join("\n"), /window of 1 s is shorter than 5 times/);
  assert.match(stdout, /notes +the window of 1 s is shorter than 5 times/);
});

Deno.test("--probe-rtt shows the round trip and TTFT without it, and --max-client-share its limit", async () => {
  await using server = await serve(["--set", "ttftMs=30", "--set", "itlMs=2"]);
  const { stdout, report, saved, replayed } = await measured(server.url, [
    ...["--data", "synthetic,inputTokens=16,outputTokens=8"],
    ...["--load", "concurrent=2", "--requests", "20"],
    ...["--probe-rtt", "--max-client-share", "50%"],
  ]);
  const { client: { rtt }, metrics, verdict } = report.stages[0]!;
  // Five before the stage, and five after it.
  assert.equal(rtt?.n, 10);
  assert.ok(rtt.min > 0 && rtt.min <= rtt.p50);
  const { ttft, ttftAdjustedForNetwork: adjusted } = metrics;
  assert.equal(adjusted!.n, ttft!.n);
  for (const quantile of ["min", "p50", "p99"] as const) {
    const lessMs = ttft![quantile] - adjusted![quantile];
    assert.ok(Math.abs(lessMs - rtt.min) < 1e-6, quantile);
  }
  assert.equal(verdict.maxClientShare, 0.5);
  assert.match(stdout, /network +RTT [\d.]+ ms \(fastest of 10\)/);
  assert.match(stdout, /^ +TTFT without network +20 /m);
  assert.match(stdout, /verdict .* \(client's share up to 50\.0 % allowed\)/);
  assert.equal(replayed, saved);
});

/** Runs the chat backend in a process of its own, saves report and samples, and computes the report from these again. */
async function measured(target: string, args: readonly string[]) {
  await using folder = await tempFolder();
  const { code, stdout, stderr } = await earshot([
    ...["run", "--backend", "chat,ignoreEos=true", "--target", target],
    ...args,
    ...["--report", "console", "--report", "json=run.json"],
    ...["--report", "jsonl=samples.jsonl"],
  ], { cwd: folder.path, limitMs: 60_000 });
  assert.ok(code === 0 || code === 4, stdout + stderr);
  await earshot(
    ["report", "samples.jsonl", "--report", "json=again.json"],
    { cwd: folder.path },
  );
  const report: Report = await readReport(folder.path, "run.json");
  return {
    code,
    stdout,
    report,
    samples: await samplesIn(folder.at("samples.jsonl")),
    saved: await Deno.readTextFile(folder.at("run.json")),
    replayed: await Deno.readTextFile(folder.at("again.json")),
  };
}

/** Time from the server's write to the client's stamp, and the client's bound of its own part of it. */
interface Wait {
  readonly ms: number;
  readonly boundMs: number;
}

/** Compares the stamps of first tokens and of ends with the server's log. */
function waitsOf(
  samples: readonly Sample[],
  log: readonly LogEntry[],
  epochMs: number,
): Record<"first token" | "end", Wait[]> {
  const answers = Map.groupBy(log.filter(isSent), ({ session }) => session);
  const waits: ReturnType<typeof waitsOf> = { "first token": [], end: [] };
  for (const { deltas, endedMs, client, output } of samples) {
    const answer = answers.get(output.responseId!);
    assert.ok(answer, `the server knows no answer ${output.responseId}`);
    const tokenMs = deltas.find(({ text }) => text)!.atMs;
    waits["first token"].push({
      ms: epochMs + tokenMs - answer.find(isToken)!.atMs,
      boundMs: client!.firstTokenMs!,
    });
    waits.end.push({
      ms: epochMs + endedMs - answer.at(-1)!.atMs,
      boundMs: client!.endMs,
    });
  }
  return waits;
}

function isSent({ direction }: LogEntry): boolean {
  return direction === "out";
}

function isToken({ chars = 0 }: LogEntry): boolean {
  return chars > 0;
}
