// A server that asks for fewer requests gets fewer: whole runs of a closed loop.

import assert from "node:assert/strict";
import type { Report } from "../mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, samplesIn, tempFolder } from "./support/files.ts";
import { type Peer, rawServer } from "./support/raw_server.ts";
import { serve } from "./support/serve.ts";

const STREAMS = 2;
const PLAIN = "chat,stream=false,model=m,healthPath=off,tokenize=false";

/** Longest time of an answer on a busy machine; each pause is longer. */
const ANSWER_LIMIT_MS = 500;

Deno.test("two streams refused for 3 s with Retry-After: 1 send a handful of requests, counted as throttled", async () => {
  await using server = await rawServer((peer) =>
    refuse(peer, 429, ["retry-after: 1"])
  );
  const { code, stdout, report } = await measured(server.url, 3);
  const { counts, failures, metrics, verdict } = report.stages[0]!;
  const sent = server.peers.length;
  // A request of each stream at its start, and one after each second.
  assert.ok(sent >= 2 * STREAMS && sent <= 4 * STREAMS, `${sent} requests`);
  assert.equal(counts.throttled, sent);
  assert.equal(counts.error, sent);
  assert.deepEqual(counts.failures, { http_error: sent });
  assert.deepEqual(failures.map(({ code, count }) => [code, count]), [
    ["429", sent],
  ]);
  assert.deepEqual(Object.keys(metrics), []);
  assert.equal(verdict.status, "failed");
  assert.equal(code, 1);
  assert.match(
    stdout.replace(/\s+/g, " "),
    new RegExp(
      `${sent} of ${sent} http_error, the first: .*429.*Retry-After: 1`,
    ),
  );
});

Deno.test("a server that answers 503 without Retry-After is asked less and less often", async () => {
  await using server = await rawServer((peer) => refuse(peer, 503));
  const { report, samples } = await measured(server.url, 3);
  const { counts } = report.stages[0]!;
  const sent = server.peers.length;
  // Pauses of half to all of 100, 200, 400, 800 and 1600 ms lie between the requests of a stream.
  assert.ok(sent >= 3 * STREAMS && sent <= 7 * STREAMS, `${sent} requests`);
  assert.equal(counts.throttled, sent);
  const startsMs = samples.map(({ dispatchedMs }) => dispatchedMs);
  const half = startsMs.filter((atMs) => atMs < 1500).length;
  assert.ok(half > sent / 2, `${half} of ${sent} in the first half`);
});

Deno.test("streams whose upgrade is answered with 429 wait as long as Retry-After says", async () => {
  await using server = await serve([
    "--fault",
    "status=429;retry-after: 1@accept",
  ]);
  const { report } = await measured(new URL(server.url), 3, "realtime");
  const { counts, failures } = report.stages[0]!;
  assert.ok(
    counts.throttled >= 2 * STREAMS && counts.throttled <= 4 * STREAMS,
    `${counts.throttled} requests`,
  );
  assert.deepEqual(
    failures.map(({ class: failure, code, count }) => [failure, code, count]),
    [["connect_error", "429", counts.throttled]],
  );
});

Deno.test("the pauses of a stream that was refused are in no metric", async () => {
  const refusedUntil = Promise.withResolvers<void>();
  let refused = 0;
  await using server = await rawServer((peer) => {
    // Each stream is refused twice, then all are answered.
    if (refused < 2 * STREAMS) {
      if (++refused === 2 * STREAMS) refusedUntil.resolve();
      return refuse(peer, 429, ["retry-after: 1"]);
    }
    return answer(peer);
  });
  const { code, stdout, report, samples } = await measured(server.url, 4);
  await refusedUntil.promise;
  const { counts, metrics, rates, client } = report.stages[0]!;
  assert.equal(counts.throttled, 2 * STREAMS);
  assert.equal(counts.ok, server.peers.length - 2 * STREAMS);
  assert.ok(counts.ok >= 20, `${counts.ok} ok`);
  for (const name of ["latency", "responseTime"]) {
    assert.equal(metrics[name]!.n, counts.ok);
    assert.ok(
      metrics[name]!.max < ANSWER_LIMIT_MS,
      `${name} of ${metrics[name]!.max} ms`,
    );
  }
  assert.ok(client.scheduleLag!.max < ANSWER_LIMIT_MS);
  assert.equal(
    rates.errorRate,
    2 * STREAMS / (counts.ok + 2 * STREAMS),
    "refused requests are errors",
  );
  assert.ok(code === 0 || code === 4, stdout);
  assert.match(stdout, /4 failed \(4 throttled\)/);
  const { outcome } = samples.find(({ outcome }) => outcome.status !== "ok")!;
  assert.ok(outcome.status === "error");
  assert.equal(outcome.failure.retryAfterMs, 1000);
});

function refuse(peer: Peer, status: number, headers: string[] = []) {
  return peer.answer(`{"error":{"message":"slow down"}}`, { status, headers });
}

/** Answers as a model that takes some time. */
async function answer(peer: Peer): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  await peer.answer(JSON.stringify({
    choices: [{
      index: 0,
      message: { role: "assistant", content: "hi" },
      finish_reason: "stop",
    }],
  }));
}

/** Runs two streams for some seconds. */
async function measured(url: URL, seconds: number, backend = PLAIN) {
  await using folder = await tempFolder();
  const { code, stdout } = await earshot([
    "run",
    ...["--backend", backend, "--target", url.origin],
    ...["--data", backend === PLAIN ? "repeat=hello" : "clips,limit=1"],
    ...["--load", `concurrent=${STREAMS}`, "--duration", `${seconds}s`],
    ...["--report", "console", "--report", "json=run.json"],
    ...["--report", "jsonl=samples.jsonl"],
  ], { cwd: folder.path });
  const report: Report = await readReport(folder.path, "run.json");
  const samples = await samplesIn(folder.at("samples.jsonl"));
  return { code, stdout, report, samples };
}
