import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/2020";
import { bundledClips } from "../clips/mod.ts";
import type { Report } from "../plugins/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, speechFiles, tempFolder } from "./support/files.ts";
import { QUICK, serve } from "./support/serve.ts";

/** One of each format. */
const FORMATS = ["short", "telephone", "instructions", "numbers", "long"];
const SPEED = "realtime,speed=10";

Deno.test("run streams a folder of WAV, FLAC, MP3 and Opus to another process and writes every report", async () => {
  await using folder = await tempFolder(
    Object.fromEntries(
      Object.entries(await speechFiles(FORMATS)).map(([name, content]) => [
        `speech/${name}`,
        content,
      ]),
    ),
  );
  await using server = await serve(QUICK);
  const ran = await earshot([
    "run",
    ...["--backend", SPEED, "--target", server.wsUrl, "--data", "speech"],
    ...["--load", "concurrent=1,2"],
    ...["--report", "json=out.json", "--report", "csv=out.csv"],
    ...["--report", "jsonl=samples.jsonl", "--report", "console"],
  ], { cwd: folder.path });
  assert.equal(ran.stderr, "");
  const report = await checkedReport(folder.path, "out.json");
  // On a busy machine, it may be client-limited: then the report and the exit code must agree.
  const isLimited = report.stages.some(({ verdict }) =>
    verdict.status === "client-limited"
  );
  assert.equal(ran.code, isLimited ? 4 : 0);
  assert.deepEqual(report.stages.map(({ name }) => name), [
    "1 stream",
    "2 streams",
  ]);
  for (const { counts, quality, stopped, rates } of report.stages) {
    assert.equal(counts.ok, FORMATS.length);
    assert.equal(stopped, "data");
    assert.equal(rates.errorRate, 0);
    assert.equal(quality.wer?.value, 0);
    assert.equal(quality.wer?.utterances, FORMATS.length);
  }
  assert.match(ran.stdout, /^stage 1 · /m);
  assert.match(ran.stdout, /^stage 2 · /m);
  assert.match(ran.stdout, /WER +0 %/);

  const rows = (await Deno.readTextFile(folder.at("out.csv"))).trim()
    .split(/\r?\n/);
  assert.equal(rows.length, 3, "a head and a row for each stage");

  const samples = (await Deno.readTextFile(folder.at("samples.jsonl"))).trim()
    .split("\n").map((line) => JSON.parse(line));
  const texts = samples.filter(({ schema }) => schema === "earshot.sample/1")
    .map(({ input, output }) => [input.reference, output.text.trim()]);
  const spoken = bundledClips.filter(({ id }) => FORMATS.includes(id))
    .map(({ transcript }) => [transcript, transcript]);
  assert.deepEqual(texts.toSorted(), [...spoken, ...spoken].toSorted());

  const again = await earshot([
    "report",
    "samples.jsonl",
    ...["--report", "json=again.json", "--report", "console"],
  ], { cwd: folder.path });
  assert.equal(again.code, ran.code);
  assert.equal(
    await Deno.readTextFile(folder.at("again.json")),
    await Deno.readTextFile(folder.at("out.json")),
  );
  assert.equal(again.stdout, ran.stdout);
});

Deno.test("run accepts http and ws targets with path prefix and query, and a key from the environment", async () => {
  await using folder = await tempFolder(await speechFiles(["short"]));
  const env = { TEST_EARSHOT_KEY: "a-secret-of-the-test" };
  await using server = await serve([
    ...QUICK,
    ...["--prefix", "/team-a", "--api-key-env", "TEST_EARSHOT_KEY"],
  ], { env });
  const run = (target: string, backend: string, given = env) =>
    earshot([
      "run",
      ...["--backend", backend, "--target", target, "--data", folder.path],
      ...["--report", "console", "--report", `json=${folder.at("out.json")}`],
    ], { env: given });
  const keyed = "realtime,speed=0,apiKeyEnv=TEST_EARSHOT_KEY";

  // The server reads its settings from the connection's query, which must arrive complete.
  const query = "?wordErrorRate=1";
  for (
    const [target, backend] of [
      [`${server.url}${query}`, keyed],
      [`${server.wsUrl}${query}`, `${keyed},transport=ws`],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(target, backend);
    assert.ok(code === 0 || code === 4, `${code}: ${stderr}`);
    assert.equal(stderr, "");
    const report = await checkedReport(folder.path, "out.json");
    assert.equal(report.stages[0]!.counts.ok, 1);
    assert.ok(report.stages[0]!.quality.wer!.value! > 0.5, target);
    const written = stdout + JSON.stringify(report);
    assert.ok(!written.includes(env.TEST_EARSHOT_KEY), "a secret was written");
    assert.ok(written.includes("TEST_EARSHOT_KEY"));
    await Deno.remove(folder.at("out.json"));
  }

  const received = async () =>
    (await server.log()).filter(({ direction }) => direction === "in").length;
  const before = await received();
  const wrong = { TEST_EARSHOT_KEY: "wrong" };
  const unlisted = await run(server.url, keyed, wrong);
  assert.equal(unlisted.code, 1);
  assert.match(
    unlisted.stderr,
    /^earshot: model: the server must list its models[^\n]*401[^\n]*\n$/,
  );
  assert.equal(unlisted.stdout, "");
  const refused = await run(server.url, `${keyed},model=m`, wrong);
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, "");
  assert.match(
    refused.stdout,
    /no request succeeded: 1 of 1 connect_error: [^|]*40[13]/,
  );
  assert.doesNotMatch(refused.stdout, /p50/);
  assert.equal(await received(), before);
});

Deno.test("run accepts modes, speeds and transports, and records them in the report", async () => {
  await using folder = await tempFolder(
    await speechFiles(["short", "question"]),
  );
  await using server = await serve(QUICK);
  const cases = [
    ["realtime,mode=batch", { mode: "batch", speed: 0, transport: "native" }],
    ["realtime,mode=batch,transport=ws", { mode: "batch", transport: "ws" }],
    ["realtime,speed=0,chunkMs=80", { mode: "stream", speed: 0, chunkMs: 80 }],
    [`realtime="${server.url}",speed=20,reuse=true`, {
      speed: 20,
      reuse: true,
    }],
  ] as const;
  for (const [backend, facts] of cases) {
    const { code, stderr } = await earshot([
      "run",
      ...["--backend", backend, "--data", folder.path],
      ...(backend.includes(server.url) ? [] : ["--target", server.url]),
      ...["--report", `json=${folder.at("out.json")}`],
    ]);
    assert.ok(code === 0 || code === 4, `${backend}: ${code}: ${stderr}`);
    const { run, stages } = await checkedReport(folder.path, "out.json");
    assert.equal(stages[0]!.counts.ok, 2);
    assert.equal(stages[0]!.quality.wer?.value, 0);
    for (const [fact, value] of Object.entries(facts)) {
      assert.equal(run.facts.backend?.[fact], value, backend);
    }
  }
  const types = (await server.log()).filter(({ direction, type }) =>
    direction === "in" && type !== "session.update"
  ).map(({ type, session }) => [session, type] as const);
  const [batch] = types[0]!;
  const order = types.filter(([session]) => session === batch).map(([, type]) =>
    type
  );
  assert.equal(order[0], "input_audio_buffer.append");
  assert.deepEqual(order.slice(-2), [
    "input_audio_buffer.commit",
    "input_audio_buffer.commit final",
  ]);
});

Deno.test("run sends an open-loop load from JSON Lines and CSV manifests", async () => {
  const lines = bundledClips.filter(({ id }) =>
    ["short", "question"].includes(id)
  );
  await using folder = await tempFolder({
    ...await speechFiles(["short", "question"]),
    "manifest.jsonl": lines.map(({ file, transcript }) =>
      JSON.stringify({ audio: file, text: transcript })
    ).join("\n"),
    "manifest.csv": `path,transcript\n${
      lines.map(({ file, transcript }) => `${file},"${transcript}"`).join("\n")
    }\n`,
  });
  await using server = await serve(QUICK);
  for (
    const [load, data] of [
      ["poisson=20", "manifest.jsonl,shuffle=true"],
      ["constant=10,20", "manifest.csv"],
    ] as const
  ) {
    const { code, stderr } = await earshot([
      "run",
      ...["--target", server.url, "--backend", "realtime,speed=0"],
      ...["--data", data, "--load", load, "--requests", "6", "--seed", "7"],
      ...["--report", "json=out.json"],
    ], { cwd: folder.path });
    assert.ok(code === 0 || code === 4, `${load}: ${code}: ${stderr}`);
    const { run, stages } = await checkedReport(folder.path, "out.json");
    assert.equal([run.config.load].flat()[0]!.use, load.split("=")[0]);
    assert.equal(run.config.seed, 7);
    assert.equal(stages.length, load.split(",").length);
    for (const { counts, quality, stopped } of stages) {
      assert.equal(counts.ok, 6);
      assert.equal(stopped, "requests");
      assert.equal(
        quality.wer?.value,
        0,
        "the words are those of the manifest",
      );
    }
  }
});

Deno.test("run connects over TLS if caCert signed the certificate, and fails otherwise", async () => {
  await using folder = await tempFolder(await speechFiles(["short"]));
  await using server = await serve([
    ...QUICK,
    ...[
      "--tls-cert",
      pemFile("server.pem"),
      "--tls-key",
      pemFile("server.key"),
    ],
  ]);
  assert.match(server.url, /^https:/);
  const run = (options: string, target: string) =>
    earshot([
      "run",
      ...["--backend", `realtime,speed=0${options}`, "--target", target],
      ...["--data", folder.path, "--report", `json=${folder.at("out.json")}`],
    ]);
  for (
    const [options, target] of [
      [`,caCert=${pemFile("ca.pem")}`, server.wsUrl],
      [`,caCert=${pemFile("ca.pem")},transport=ws`, server.url],
      [",insecure=true", server.url],
    ] as const
  ) {
    const { code, stderr } = await run(options, target);
    assert.ok(code === 0 || code === 4, `${options}: ${code}: ${stderr}`);
    const { stages } = await checkedReport(folder.path, "out.json");
    assert.equal(stages[0]!.counts.ok, 1);
  }
  const distrusted = await run("", server.url);
  assert.equal(distrusted.code, 1);
  assert.equal(distrusted.stdout, "");
  assert.match(
    distrusted.stderr,
    /^earshot: Cannot reach https:[^\n]*certificate[^\n]*\n$/,
  );
});

/** A certificate or key for tests, or the certificate of its authority. */
function pemFile(name: string): string {
  const url = new URL(
    `../backends/connect/testdata/${name}`,
    import.meta.url,
  );
  return fileURLToPath(url);
}

/** Reads a report and checks it against the published schema. */
async function checkedReport(folder: string, name: string): Promise<Report> {
  const schema = JSON.parse(
    await Deno.readTextFile(
      new URL("../docs/schema/report.schema.json", import.meta.url),
    ),
  );
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile(
    schema,
  );
  const report = await readReport(folder, name);
  validate(report);
  assert.deepEqual(validate.errors ?? [], []);
  return report;
}
