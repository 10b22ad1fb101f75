// Runs that the user or the server interrupts: results so far are kept, and the process ends.

import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import type { Report } from "../plugins/mod.ts";
import { earshot, startEarshot } from "./support/earshot.ts";
import {
  readReport,
  samplesIn,
  speechFiles,
  type TempFolder,
  tempFolder,
} from "./support/files.ts";
import { serve, type Serving } from "./support/serve.ts";

/** Ten times what an idle machine needs. */
const SOON_MS = 4000;

/** Arguments of a run of one minute, with every reporter that writes a file. */
function longRun(server: Serving, ...more: string[]): string[] {
  return [
    "run",
    ...["--target", server.url, "--backend", "realtime,speed=2"],
    ...["--data", ".", "--load", "concurrent=2", "--duration", "60s"],
    ...["--report", "console", "--report", "json=out.json"],
    ...["--report", "jsonl=samples.jsonl", ...more],
  ];
}

/** A short clip that ends soon, and a long one that is in flight meanwhile. */
async function speech(
  more: Record<string, string> = {},
): Promise<TempFolder> {
  return await tempFolder({ ...await speechFiles(["short", "long"]), ...more });
}

/** Waits until the server has sent this event `times` times. */
async function sent(server: Serving, type: string, times = 1): Promise<void> {
  const clock = systemClock();
  while (clock.now() < 20_000) {
    const entries = await server.log();
    const found = entries.filter((entry) =>
      entry.direction === "out" && entry.type === type && entry.chars !== 0
    );
    if (found.length >= times) return;
    await clock.sleepUntil(clock.now() + 50);
  }
  throw new Error(`The server sent no ${type}`);
}

for (
  const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const
) {
  Deno.test(`run writes every report of the results so far on ${signal}, and exits with ${exitCode}`, async () => {
    await using folder = await speech();
    await using server = await serve();
    await using running = startEarshot(longRun(server), { cwd: folder.path });
    await sent(server, "transcription.done");
    const clock = systemClock();
    running.kill(signal);
    const { code, stdout, stderr } = await running.ended;
    assert.ok(clock.now() < SOON_MS, `it took ${clock.now()} ms`);
    assert.equal(code, exitCode, stderr);
    assert.match(
      stderr,
      /^\nearshot: Interrupted: ending, with a report if [^\n]*\n$/,
    );
    assert.match(
      stdout,
      /^ {2}ended {2}interrupted: results until the interruption$/m,
    );
    assert.match(stdout, /TTFT/);

    const report: Report = await readReport(folder.path, "out.json");
    assert.equal(report.interrupted, true);
    const [stage] = report.stages;
    assert.equal(stage?.stopped, "interrupted");
    assert.ok(stage.counts.ok >= 1);
    assert.ok(stage.counts.cancelled >= 1);
    assert.ok(stage.window.endMs < 30_000, "the window ends with the run");

    const again = await earshot([
      "report",
      "samples.jsonl",
      ...["--report", "json=again.json"],
    ], { cwd: folder.path });
    assert.equal(again.code, 130);
    assert.equal(
      await Deno.readTextFile(folder.at("again.json")),
      await Deno.readTextFile(folder.at("out.json")),
    );
  });
}

/** A reporter whose last call runs this code. */
function reporterThat(does: string): string {
  return `export default {
  kind: "reporter", apiVersion: 1, name: "slow", summary: "Never done",
  options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
  open: () => ({ async report() { console.error("reporting"); ${does} } }),
};`;
}

for (
  const [what, does] of [
    ["waits", "await new Promise((resolve) => setTimeout(resolve, 60_000));"],
    ["is busy", "while (true);"],
  ] as const
) {
  for (const second of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`run ends at once on a second signal, ${second}, while it ${what}`, async () => {
      await using folder = await speech({ "slow.ts": reporterThat(does) });
      await using server = await serve();
      await using running = startEarshot(
        longRun(server, "--report", "./slow.ts"),
        { cwd: folder.path },
      );
      await sent(server, "transcription.delta");
      running.kill("SIGINT");
      await running.waitFor(/reporting/, "stderr");
      const clock = systemClock();
      running.kill(second);
      const { code } = await running.ended;
      assert.equal(code, second === "SIGINT" ? 130 : 143);
      assert.ok(clock.now() < SOON_MS, `it took ${clock.now()} ms`);
    });
  }
}

// When a terminal closes, both the shell and the kernel send SIGHUP.
Deno.test("run still reports the results so far if SIGHUP arrives twice", async () => {
  await using folder = await speech({
    "slow.ts": reporterThat(
      "await new Promise((resolve) => setTimeout(resolve, 500));",
    ),
  });
  await using server = await serve();
  await using running = startEarshot(
    longRun(server, "--report", "./slow.ts"),
    { cwd: folder.path },
  );
  await sent(server, "transcription.delta");
  running.kill("SIGHUP");
  await running.waitFor(/reporting/, "stderr");
  running.kill("SIGHUP");
  const { code, signal } = await running.ended;
  assert.deepEqual([code, signal], [129, null]);
});

Deno.test({
  name: "run survives its terminal if it ignores SIGHUP, as under nohup",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await speech();
    await using server = await serve();
    await using running = startEarshot([
      "run",
      ...["--target", server.url, "--backend", "realtime,speed=2"],
      ...["--data", ".", "--load", "concurrent=2", "--requests", "4"],
    ], { cwd: folder.path, before: "trap '' HUP" });
    await sent(server, "transcription.delta");
    running.kill("SIGHUP");
    const { code, stdout, stderr } = await running.ended;
    assert.match(stdout, /4 utterances/);
    assert.doesNotMatch(`${code} ${stderr}`, /129|Interrupted/);
  },
});

/** A plugin that opens this object, whose disposal never ends. */
function neverClosed(kind: string, parts: string): string {
  return `export default {
  kind: "${kind}", apiVersion: 1, name: "my-${kind}", summary: "Never closes",
  options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
  open: () => ({ ${parts}, [Symbol.asyncDispose]: () => new Promise(() => {}) }),
};`;
}

Deno.test("run ends if no plugin ever closes, and names each", async () => {
  await using folder = await tempFolder({
    "backend.ts": neverClosed("backend", "needs: [], send: async () => ({})"),
    "dataset.ts": neverClosed(
      "dataset",
      'async *sessions() { yield { id: "a", turns: [{ columns: { text: "a" } }] }; }',
    ),
    "reporter.ts": neverClosed("reporter", "report() {}"),
  });
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", "./backend.ts", "--data", "./dataset.ts"],
    ...["--report", "./reporter.ts", "--report", "json=out.json"],
    ...["--requests", "1"],
  ], { cwd: folder.path });
  const report: Report = await readReport(folder.path, "out.json");
  assert.equal(report.stages[0]!.counts.ok, 1);
  assert.ok([0, 4].includes(code), `${code} ${stderr}`);
  for (const kind of ["backend", "dataset", "reporter"]) {
    const named = `warning: ${kind} "my-${kind}" did not close within 5 s`;
    assert.ok(stderr.includes(named), stderr);
  }
});

Deno.test("run ends on SIGINT if its dataset does not stop, and names it", async () => {
  await using folder = await tempFolder({
    "deaf.ts": `export default {
  kind: "dataset", apiVersion: 1, name: "deaf", summary: "Never stops",
  options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
  open: () => ({
    async *sessions() {
      console.error("reading");
      await new Promise(() => {});
    },
  }),
};`,
  });
  await using running = startEarshot([
    "run",
    ...["--backend", "echo", "--data", "./deaf.ts"],
  ], { cwd: folder.path });
  await running.waitFor(/reading/, "stderr");
  running.kill("SIGINT");
  const { code, stderr } = await running.ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /warning: dataset "deaf" did not stop in time/);
});

Deno.test({
  name:
    "a run removes the temporary folders of one that was killed, and none that is used",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await speech();
    await using temporary = await tempFolder({});
    await using server = await serve();
    const options = { cwd: folder.path, env: { TMPDIR: temporary.path } };
    const names = () =>
      Array.from(Deno.readDirSync(temporary.path), ({ name }) => name)
        .filter((name) => name.startsWith("earshot-tmp-"));
    await using killed = startEarshot(
      ["run", "--target", server.url, "--data", ".", "--duration", "60s"],
      options,
    );
    await sent(server, "transcription.delta");
    const [left] = names();
    assert.ok(left, "there is a relay's folder");
    await earshot(["run", "--backend", "echo", "--requests", "1"], options);
    assert.deepEqual(names(), [left], "it is used");
    killed.kill("SIGKILL");
    await killed.ended;
    assert.deepEqual(names(), [left], "it is left behind");
    await earshot(["run", "--backend", "echo", "--requests", "1"], options);
    assert.deepEqual(names(), []);
  },
});

Deno.test("run can be interrupted while it waits for a silent server", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using running = startEarshot([
    "run",
    ...["--target", `http://127.0.0.1:${silent.addr.port}`],
  ]);
  using _connection = await silent.accept();
  running.kill("SIGINT");
  const { code, stdout, stderr, tookMs } = await running.ended;
  assert.equal(code, 130, stderr);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^\nearshot: Interrupted: ending, with a report if any load was offered; [^\n]*\n$/,
  );
  assert.ok(tookMs < 9000, "it waited for the time limit");
});

Deno.test("run can be interrupted while it loads its data", async () => {
  await using folder = await tempFolder({
    "endless.ts": `export default {
  kind: "dataset", apiVersion: 1, name: "endless", summary: "Never ready",
  options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
  open: () => ({
    async *sessions({ signal }) {
      console.error("reading");
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 60_000);
        signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); });
      });
    },
  }),
};`,
  });
  await using running = startEarshot([
    "run",
    ...["--backend", "echo", "--data", "./endless.ts"],
    ...["--report", "console", "--report", "json=out.json"],
  ], { cwd: folder.path });
  await running.waitFor(/reading/, "stderr");
  running.kill("SIGINT");
  const { code, stdout } = await running.ended;
  assert.equal(code, 130);
  assert.match(stdout, /no stage began/);
  const report: Report = await readReport(folder.path, "out.json");
  assert.deepEqual([report.interrupted, report.stages], [true, []]);
});

Deno.test("report reads the samples of a killed run, up to its last second", async () => {
  await using folder = await speech();
  await using server = await serve();
  await using running = startEarshot(longRun(server), { cwd: folder.path });
  await sent(server, "transcription.done");
  const clock = systemClock();
  await clock.sleepUntil(2500); // what is older than a second must be in the file
  running.kill("SIGKILL");
  assert.equal((await running.ended).signal, "SIGKILL");
  const { code, stdout, stderr } = await earshot([
    "report",
    "samples.jsonl",
    ...["--report", "console", "--report", "json=again.json"],
  ], { cwd: folder.path });
  assert.equal(code, 130, stderr);
  assert.match(stdout, /TTFT/);
  const report: Report = await readReport(folder.path, "again.json");
  assert.equal(report.interrupted, true);
  assert.ok(report.stages[0]!.counts.ok >= 1);
});

Deno.test("run ends in time if the server hangs, and counts the cancelled requests", async () => {
  await using folder = await speech();
  const cases = [
    ["stall@update", "realtime", "cancelled", "cancelled"],
    [
      "stall@created",
      "realtime,readyTimeoutMs=300",
      "timeout",
      "ready_timeout",
    ],
    [
      "stall@update",
      "realtime,receiveTimeoutMs=300",
      "timeout",
      "receive_timeout",
    ],
  ] as const;
  const results = await Promise.allSettled(
    cases.map(async ([fault, backend, status, failure], i) => {
      await using server = await serve(["--fault", fault]);
      const { code, stdout, stderr, tookMs } = await earshot([
        "run",
        ...["--target", server.url, "--backend", backend, "--data", "."],
        ...["--load", "concurrent=4", "--duration", "2s", "--drain", "500ms"],
        ...["--report", "console", "--report", `json=${i}.json`],
      ], { cwd: folder.path });
      const what = `${fault}, ${backend}: ${stdout}${stderr}`;
      assert.equal(code, 1, what);
      assert.match(stdout, /no request succeeded/);
      const { run, stages }: Report = await readReport(
        folder.path,
        `${i}.json`,
      );
      const runMs = tookMs - run.loadingMs;
      assert.ok(runMs < 2500 + 2 * SOON_MS, `it took ${runMs} ms: ${what}`);
      const { counts, stopped } = stages[0]!;
      assert.equal(stopped, "duration", what);
      assert.ok(counts[status] >= 4, what);
      assert.ok(counts.failures[failure]! >= 4, what);
      assert.equal(counts.ok, 0, what);
    }),
  );
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
  }
});

Deno.test("run survives a crash of the server: failures have classes, and output received before is kept", async () => {
  await using folder = await speech();
  await using server = await serve();
  await using running = startEarshot([
    "run",
    ...["--target", server.url, "--data", ".", "--load", "concurrent=2"],
    ...["--requests", "6", "--report", "console", "--report", "json=out.json"],
    ...["--report", "jsonl=samples.jsonl"],
  ], { cwd: folder.path });
  await sent(server, "transcription.delta", 4);
  await server.crash();
  const { code, stderr } = await running.ended;
  assert.equal(code, 1, stderr);
  assert.equal(stderr, "");
  const { stages }: Report = await readReport(folder.path, "out.json");
  const { counts, failures } = stages[0]!;
  assert.equal(counts.error, 6);
  assert.equal(counts.failures.closed, 2, JSON.stringify(counts));
  assert.equal(counts.failures.connect_error, 4, JSON.stringify(counts));
  assert.equal(failures.reduce((sum, { count }) => sum + count, 0), 6);
  const partial = (await samplesIn(folder.at("samples.jsonl"))).filter((
    { output },
  ) => output.text?.trim());
  assert.equal(partial.length, 2);
  for (const { input, output, outcome } of partial) {
    assert.equal(outcome.status, "error");
    const words = output.text!.trim().split(" ").length;
    assert.ok(input.reference!.startsWith(output.text!.trim()), output.text);
    assert.ok(words < input.reference!.split(" ").length);
  }
});
