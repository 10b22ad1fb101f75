// Unusable input is reported in one message, before any load is offered.

import assert from "node:assert/strict";
import { encodeWav } from "../../audio/mod.ts";
import { bundledClips, readClip } from "../../clips/mod.ts";
import { earshot } from "../support/earshot.ts";
import { speechFiles, tempFolder, tone } from "../support/files.ts";
import { type Case, refuseAll } from "../support/refused.ts";
import { QUICK, serve } from "../support/serve.ts";

/** A target without a server: no rejected run ever connects. */
const NOWHERE = "ws://127.0.0.1:9";

Deno.test("earshot rejects unknown commands, options and plugins, and names the nearest", async () => {
  await refuseAll([
    { args: ["rn"], says: ["unknown command 'rn'", "Did you mean run?"] },
    { args: ["run", "now"], says: ["too many arguments", "now"] },
    { args: ["run", "--bakend", "echo"], says: ["'--bakend'", "--backend?"] },
    { args: ["run", "--seed"], says: ["'--seed <n>' argument missing"] },
    {
      args: ["run", "--backend", "realtme", "--target", NOWHERE],
      says: ['backend "realtme"', 'did you mean "realtime"?', "echo"],
    },
    {
      args: ["run", "--report", "jso=x.json"],
      says: [
        'reporter "jso"',
        'did you mean "json"?',
        "console, html, json, csv",
      ],
    },
    {
      args: ["run", "--report", "jsonl=-", "--report", "console"],
      says: ["jsonl and console both write to standard output"],
    },
    {
      args: ["run", "--data", "clipz"],
      says: ['dataset "clipz"', 'did you mean "clips"?', "audio-folder"],
    },
    {
      args: ["run", "--load", "concurent=1"],
      says: ['--load: unknown load "concurent"', 'did you mean "concurrent"?'],
    },
    {
      args: ["run", "--backend", "console"],
      says: ['"console"', "is a reporter, not a backend"],
    },
    {
      args: ["run", "--backend", "./none.ts"],
      says: [
        /^earshot: --backend: \.\/none\.ts: file not found: \/.*none\.ts$/m,
      ],
    },
    {
      args: ["run", "--backend", "npm:some-plugin"],
      says: ['"npm:some-plugin"', "a file or an https: URL"],
    },
    {
      args: ["info", "realtme"],
      says: ['"realtme"', 'did you mean "realtime"?'],
    },
    {
      args: ["run", "--normalizer", "english"],
      says: ["--normalizer", "none, basic", "english"],
    },
    {
      args: ["report", "tests"],
      says: ["cannot read tests: "],
    },
    { args: ["report"], says: ["missing required argument 'file'"] },
    {
      args: ["serve", "--set", "ttftMs=1", "--set", "ttftMs=2"],
      says: [
        '--set: ttftMs must be given once, but was given as "1" and as "2"',
      ],
    },
    {
      args: ["run", "--load", "concurrent=1", "--load", "poison=2"],
      says: ['--load: unknown load "poison"', 'did you mean "poisson"?'],
    },
    {
      args: ["run", "--target", NOWHERE, "--concurrency", "8"],
      says: ["--concurrency: unknown option; use --load concurrent=N"],
    },
    {
      args: ["run", "--target", NOWHERE, "--max-error-rate", "5"],
      says: [
        "--max-error-rate must be a share such as 5% or 0.05",
        "did you mean 5%?",
      ],
    },
    {
      args: ["run", "--backend", `chat=${NOWHERE},maxTokens=8`],
      says: ['unknown option "maxTokens"; did you mean "maxOutputTokens"?'],
    },
  ]);
});

Deno.test("earshot rejects option keys and values of a plugin, all of them at once", async () => {
  await using folder = await tempFolder({
    "sized.ts": `import { defineBackend } from "${new URL(
      "../../plugins/mod.ts",
      import.meta.url,
    )}";
import { z } from "${import.meta.resolve("zod")}";
export default defineBackend({
  name: "sized", summary: "For tests", primary: "frameBytes",
  options: z.strictObject({ frameBytes: z.int().positive() }),
  open: () => { throw new Error("it must not be opened"); },
});`,
  });
  const to = ["--target", NOWHERE];
  await refuseAll([
    {
      args: ["run", ...to, "--backend", "realtime,chunkms=3"],
      says: [
        'unknown option "chunkms"',
        'did you mean "chunkMs"?',
        "transport",
      ],
    },
    {
      args: [
        "run",
        ...to,
        "--backend",
        "realtime,spead=1,mode=strem,chunkMs=x",
      ],
      says: [
        'unknown option "spead"; did you mean "speed"?',
        "mode must be one of stream, batch, but was strem; did you mean stream?",
        "chunkMs must be a number of milliseconds",
      ],
    },
    {
      args: ["run", ...to, "--backend", "realtime,chunkMs=5,speed=-1,path=x"],
      says: ["chunkMs", "between 10 and 60000", "5", "speed", "-1", "path"],
    },
    {
      args: ["run", ...to, "--backend", "realtime,spead=1,chunkMs=5"],
      says: ['unknown option "spead"', "chunkMs", "between 10 and 60000"],
    },
    {
      args: [
        ...["run", "--backend", "realtime,spead=1", "--seed", "x"],
        ...["--duration", "5", "--load", "poison=1", "--data", "clipz"],
        ...["--report", "jso=x", "--report", "csv"],
      ],
      says: [
        "7 problems:",
        "--load: unknown load",
        "--duration",
        "--seed",
        'dataset "clipz"',
        'reporter "jso"',
        "csv: path must be given",
        "path must be given",
        'unknown option "spead"',
      ],
    },
    {
      args: ["run", ...to, "--backend", "realtime,mode=batch,speed=1"],
      says: ["speed", "batch"],
    },
    {
      args: ["run", "--backend", "echo", "--data", "repeat"],
      says: ["repeat: text must be given"],
    },
    ...["not a url", "ftp://host", "127.0.0.1:8000"].map((target) => ({
      args: ["run", "--target", target],
      says: [
        `target must be an http, https, ws or wss URL, but was "${target}"`,
      ],
    })),
    {
      args: ["run", "--backend", `${folder.at("sized.ts")}=16Kib`],
      says: ["frameBytes ", "KiB or MiB", "16Kib"],
    },
    {
      args: ["run", ...to, "--backend", "realtime,receiveTimeoutMs=5 minutes"],
      says: [
        "receiveTimeoutMs ",
        "a duration such as 90s, or off",
        "5 minutes",
      ],
    },
    {
      args: ["run", ...to, "--backend", "realtime,apiKeyEnv=EARSHOT_UNSET_KEY"],
      says: ["apiKeyEnv", "must be set", "EARSHOT_UNSET_KEY"],
    },
    {
      args: ["run", ...to, "--backend", "realtime,caCert=none.pem"],
      says: ["caCert", "a PEM file", "none.pem"],
    },
  ]);
});

Deno.test("earshot rejects invalid durations, counts and loads", async () => {
  const duration = ["ms, s, m or h"];
  await refuseAll([
    {
      args: ["run", "--duration", "60"],
      says: ["--duration", "60", ...duration],
    },
    {
      args: ["run", "--duration", "0s"],
      says: ["--duration", "above 0", "0s"],
    },
    {
      args: ["run", "--warmup", "5x"],
      says: ["--warmup", "5x", "10s", "10%", "auto"],
    },
    {
      args: ["run", "--cooldown", "5s"],
      says: ["cooldownMs", "needs a duration or a number of requests"],
    },
    {
      args: ["run", "--stop", "errors=0,eror=1"],
      says: ["--stop: errors", "at least 1", '"eror"; did you mean "errors"?'],
    },
    {
      args: ["run", "--stop-run", "silence=5s"],
      says: ["--stop-run", "silence", "there are: duration, requests"],
    },
    {
      args: ["run", "--drain", "-1s"],
      says: ["--drain", "-1s", ...duration],
    },
    {
      args: ["run", "--requests", "1.5"],
      says: ["--requests", "at least 1", "1.5"],
    },
    { args: ["run", "--seed", "x"], says: ["--seed", "whole number", "x"] },
    {
      args: ["run", "--load", "concurrent=0"],
      says: ["concurrent: streams", "above 0"],
    },
    {
      args: ["run", "--load", "concurrent=1,x"],
      says: ["streams", "whole number", "x"],
    },
    { args: ["run", "--load", "poisson"], says: ["rates must be given"] },
    { args: ["run", "--load", ""], says: ["a name must come first"] },
    { args: ["serve", "--port", "http"], says: ["--port", "http"] },
    {
      args: ["serve", "--port", "65536"],
      says: ["--port", "at most 65535"],
    },
    {
      args: ["serve", "--tls-cert", "deno.json", "--tls-key", "deno.json"],
      says: ["deno.json: a certificate or key must be in PEM"],
    },
    {
      args: ["serve", "--tls-cert", "x"],
      says: ["--tls-cert and --tls-key must both be given"],
    },
    {
      args: ["serve", "--fault", "drop"],
      says: ["--fault: ", "POINT", '"drop"'],
    },
    {
      args: ["serve", "--set", "ttftMs"],
      says: ["--set: ttftMs must have a value, as --set ttftMs=50"],
    },
    {
      args: ["serve", "--set", "tokenms=1"],
      says: ["--set: ", 'did you mean "tokenMs"?'],
    },
    {
      args: ["serve", "--api-key-env", "sk-pasted-in-its-place"],
      says: ["--api-key-env ", "not shown, as it may be a key"],
    },
    {
      args: ["serve", "--api-key-env", "EARSHOT_UNSET_KEY"],
      says: ["must name a variable that is set", "EARSHOT_UNSET_KEY"],
    },
  ]);
});

Deno.test("run rejects data without any usable audio before it offers load", async () => {
  const wav = await clipBytes("short");
  const [flac, mp3, opus] = await Promise.all(
    ["instructions", "numbers", "long"].map(clipBytes),
  );
  await using folder = await tempFolder({
    "empty/readme.txt": "no audio here",
    "text.wav": "this is plain text, not audio",
    "nothing.wav": "",
    "cut.wav": half(wav),
    "cut.flac": half(flac!),
    "cut.mp3": half(mp3!),
    "cut.opus": half(opus!),
    "silent.wav": encodeWav(new Int16Array(0), 16_000),
    "click.wav": encodeWav(new Int16Array([1]), 16_000),
    "all-bad/one.wav": "no audio",
    "all-bad/two.wav": "",
    "line.jsonl": '{"audio":\n{"audio":\n',
    "column.csv": "id,file_name_of_it\n1,short.wav\n",
    "column.jsonl": '{"id":1,"url":"x"}\n',
    "gone.jsonl": '{"audio":"gone.wav"}\n',
    "short.wav": wav,
  });
  await using server = await serve(QUICK);
  const run = (data: string, ...says: (string | RegExp)[]): Case => ({
    args: ["run", "--target", server.url, "--data", data],
    says,
  });
  await refuseAll([
    run("empty", "no audio found", "*.wav, *.flac", '"empty"'),
    run("./none", "a folder, a file or a glob", '"./none"', "does not exist"),
    run("text.wav", "text.wav", "WAV, FLAC, MP3, Ogg Opus", "this is pl"),
    run("nothing.wav", "nothing.wav: audio must not be empty"),
    run("cut.wav", "cut.wav", "truncated"),
    run("cut.flac", "cut.flac"),
    run("cut.mp3", "cut.mp3"),
    run("cut.opus", "cut.opus"),
    run("silent.wav", "silent.wav"),
    run("click.wav", "click.wav"),
    run("all-bad", "no item of the data can be used", "one.wav", "two.wav"),
    run("line.jsonl", "line.jsonl:1", "must be JSON"),
    run("column.csv", "column.csv", '"audio"', '"file_name_of_it"'),
    run("column.jsonl", "column.jsonl", '"audio"', '"url"'),
    run("gone.jsonl", "gone.wav"),
    run("none.jsonl", "none.jsonl", "no such file or directory"),
    run("short.wav,columns.audoi=x", "columns"),
  ], { cwd: folder.path });
  assert.deepEqual(await server.log(), [], "load was offered");
});

Deno.test("run rejects reports that cannot be written before it offers load", async () => {
  const manifest = '{"text":"hello"}\n';
  await using folder = await tempFolder({
    "taken/x": "",
    "m.jsonl": manifest,
  });
  await using server = await serve(QUICK);
  const run = (report: string, ...says: string[]): Case => ({
    args: ["run", "--target", server.url, "--report", report],
    says,
  });
  await refuseAll([
    run("json=none/out.json", "'none/out.json'", "no such folder"),
    run("csv=none/out.csv", "'none/out.csv'", "no such folder"),
    run("jsonl=none/out.jsonl", "'none/out.jsonl'", "no such folder"),
    run("json=taken", "'taken'", "it is a folder"),
    run("csv=taken", "'taken'", "it is a folder"),
    run("jsonl=taken", "'taken'", "it is a folder"),
    run("json", "path must be given"),
    {
      args: [...["run", "--report", "json=x"], ...["--report", "csv=./x"]],
      says: ["csv must have a file of its own, but ./x is that of json"],
    },
    {
      args: ["run", "--data", "m.jsonl", "--report", "jsonl=m.jsonl"],
      says: ["a file of its own, but m.jsonl is that of the data"],
    },
    {
      args: ["report", "m.jsonl", "--report", "jsonl=m.jsonl"],
      says: ["a file of its own, but m.jsonl is that of the samples"],
    },
    run("csv=out.csv,rows=all", "rows ", "stages, requests", "all"),
  ], { cwd: folder.path });
  assert.deepEqual(await server.log(), [], "load was offered");
  const left = await Array.fromAsync(Deno.readDir(folder.path));
  assert.deepEqual(left.map(({ name }) => name).toSorted(), [
    "m.jsonl",
    "taken",
  ]);
  assert.equal(await Deno.readTextFile(folder.at("m.jsonl")), manifest);
});

Deno.test("run rejects a server that lists no model if none is configured", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    ({ url }) => {
      const { pathname } = new URL(url);
      if (pathname === "/a/v1/models") return Response.json({ data: [] });
      return new Response(null, { status: 404 });
    },
  );
  const target = `http://127.0.0.1:${server.addr.port}`;
  await refuseAll([{
    args: ["run", "--target", `${target}/a`],
    says: ["model: set it with model=NAME", "/v1/models", "an empty list"],
  }, {
    args: ["run", "--target", `${target}/none`],
    says: ["model: the server does not list its models", "model=NAME"],
  }]);
});

Deno.test("earshot rejects a Deno that is older than the one needed", async () => {
  await using folder = await tempFolder({
    "older.js":
      `Object.defineProperty(Deno, "version", { value: { ...Deno.version, deno: "2.8.9" } });`,
  });
  await refuseAll([{
    args: ["run"],
    says: ["Deno must be 2.9.0 or newer", "2.8.9"],
    options: { denoFlags: ["--preload", folder.at("older.js")] },
  }]);
});

Deno.test("run skips a bad clip with a warning, and fails if strict", async () => {
  await using folder = await tempFolder({
    ...await speechFiles(["short"]),
    "bad.wav": "no audio",
    "worse.wav": half(await clipBytes("telephone")),
  });
  await using server = await serve(QUICK);
  const args = [
    "run",
    ...["--target", server.url, "--backend", "realtime,speed=0"],
    ...["--data", ".", "--report", "console", "--report", "json=out.json"],
  ];
  const ran = await earshot(args, { cwd: folder.path });
  assert.ok(ran.code === 0 || ran.code === 4, ran.stderr);
  const warnings = ran.stderr.trim().split("\n");
  assert.equal(warnings.length, 2, ran.stderr);
  assert.match(warnings[0]!, /^warning: Skipped "bad\.wav": .*WAV, FLAC/);
  assert.match(warnings[1]!, /^warning: Skipped "worse\.wav": .*truncated/);
  assert.match(ran.stdout, / 1 utterance: 1 ok\n/);
  assert.match(ran.stdout, /^skipped · 2 unusable items$/m);
  const { skipped, stages } = JSON.parse(
    await Deno.readTextFile(folder.at("out.json")),
  );
  assert.equal(skipped.count, 2);
  assert.deepEqual(
    skipped.items.map(({ id }: { id: string }) => id),
    ["bad.wav", "worse.wav"],
  );
  assert.equal(stages[0].counts.ok, 1);

  await refuseAll([{
    args: [...args, "--strict"],
    says: ['"bad.wav"', "WAV, FLAC"],
  }], { cwd: folder.path });
});

Deno.test("run reports in one line why a server cannot be reached, without a table", async () => {
  await using server = await serve(["--seed", "2"]);
  await server.crash();
  const { code, stdout, stderr } = await earshot([
    "run",
    "--target",
    server.url,
  ]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^earshot: Cannot reach http:[^\n]*ECONNREFUSED[^\n]*\n$/,
  );
});

/** A reporter whose disk is stuck, without the half minute that a real one would take. */
const STUCK = `export default {
  kind: "reporter",
  apiVersion: 1,
  name: "stuck",
  summary: "Never written",
  options: { "~standard": {
    version: 1, vendor: "a-stranger",
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({ type: "object" }), output: () => ({ type: "object" }) },
  } },
  open: () => ({
    report() {
      const cause = new Deno.errors.TimedOut("it takes them too slowly");
      throw new Error("Cannot write: " + cause.message, { cause });
    },
  }),
};`;

Deno.test({
  name:
    "run reports in one line a report that could not be written, and writes the others",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await tempFolder({ "stuck.js": STUCK });
    const { code, stdout, stderr } = await earshot([
      "run",
      ...["--backend", "echo", "--data", "repeat=hello", "--requests", "3"],
      ...["--report", "json=/dev/full", "--report", "jsonl=/dev/full"],
      ...["--report", "./stuck.js"],
      ...["--report", "console", "--report", "json=out.json"],
    ], { cwd: folder.path });
    assert.equal(code, 1);
    assert.match(stdout, /3 requests: 3 ok/);
    assert.ok((await Deno.stat(folder.at("out.json"))).size > 0);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 3, stderr);
    for (const line of lines.slice(0, 2)) {
      assert.match(line, /\/dev\/full.*[Nn]o space left/);
    }
    assert.equal(lines[2], "Cannot write: it takes them too slowly");
  },
});

Deno.test({
  name: "run names standard output if it is full",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const report of ["console", "json=-", "jsonl=-"]) {
      const { code, stderr } = await earshot([
        "run",
        ...["--backend", "echo", "--data", "repeat=hello", "--requests", "3"],
        ...["--quiet", "--report", report],
      ], { before: "exec >/dev/full" });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^earshot: .*standard output.*No space left.*\n$/);
    }
  },
});

Deno.test("run shows no empty table if every request failed", async () => {
  await using folder = await tempFolder({ "one.wav": tone(300) });
  for (
    const [fault, reason] of [
      [
        "status=503,no seats@accept",
        /connect_error, the first: .*503: no seats/,
      ],
      [
        "error=processing_error,overloaded@commit",
        /server_error, the first: .*overloaded/,
      ],
    ] as const
  ) {
    await using server = await serve([...QUICK, "--fault", fault]);
    const { code, stdout, stderr } = await earshot([
      "run",
      ...["--target", server.url, "--data", folder.path],
      ...["--requests", "3", "--report", "console"],
      ...["--report", `json=${folder.at("out.json")}`],
    ]);
    assert.equal(code, 1, stderr);
    assert.equal(stderr, "");
    assert.match(stdout.replace(/\s+/g, " "), reason);
    assert.match(stdout, /no request succeeded: 3 of 3/);
    assert.doesNotMatch(stdout, /p50|WER|requests\/s/);
    const { stages } = JSON.parse(
      await Deno.readTextFile(folder.at("out.json")),
    );
    assert.equal(stages[0].verdict.status, "failed");
    assert.equal(stages[0].counts.error, 3);
    assert.equal(stages[0].metrics.latency, undefined);
    await Deno.remove(folder.at("out.json"));
  }
});

async function clipBytes(id: string): Promise<Uint8Array> {
  return await readClip(bundledClips.find((clip) => clip.id === id)!);
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}

Deno.test("earshot names the permission that is missing", async () => {
  const { code, stderr } = await earshot(["run", "--data", "clips,limit=1"], {
    denoFlags: ["--no-prompt", "--deny-write"],
  });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /a permission is missing: .*--allow-write flag/,
  );
  assert.doesNotMatch(stderr, /internal error/);
});
