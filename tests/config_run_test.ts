// One configuration: from flags, YAML, TypeScript, code and the report of an earlier run.

import assert from "node:assert/strict";
import {
  concurrent,
  echo,
  jsonReporter,
  repeat,
  run,
  type RunConfig,
  runConfig,
} from "../mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";

const YAML = `version: 1
backend: { use: echo, with: { delayMs: 5ms } }
data: [{ use: repeat, with: { text: hello } }]
load: { use: concurrent, with: { streams: [2, 4] } }
stop: { requests: 12, drainMs: 2s }
slos: ["errorRate<=5%"]
seed: 7
minSamples: 5
reports: [{ use: json, with: { path: out.json } }]
`;

const TYPESCRIPT = `import { defineConfig } from "${
  import.meta.resolve("../mod.ts")
}";
export default defineConfig({
  version: 1,
  backend: { use: "echo", with: { delayMs: 5 } },
  data: [{ use: "repeat", with: { text: "hello" } }],
  load: { use: "concurrent", with: { streams: [2, 4] } },
  stop: { requests: 12, drainMs: 2000 },
  slos: ["errorRate<=5%"],
  seed: 7,
  minSamples: 5,
  reports: [{ use: "json", with: { path: "out.json" } }],
});
`;

const FLAGS = [
  ...["--backend", "echo,delayMs=5ms", "--data", "repeat=hello"],
  ...["--load", "concurrent=2,4", "--requests", "12", "--drain", "2s"],
  ...["--max-error-rate", "5%", "--seed", "7", "--min-samples", "5"],
  ...["--report", "json=out.json"],
];

Deno.test("the same run by flags, YAML, TypeScript and code has the same configuration, and a report repeats it", async () => {
  await using folder = await tempFolder({
    "run.yaml": YAML,
    "run.ts": TYPESCRIPT,
  });
  const configOf = async (...args: string[]): Promise<RunConfig> => {
    const { code, stderr } = await earshot(["run", "--quiet", ...args], {
      cwd: folder.path,
    });
    assert.ok(code === 0 || code === 4, stderr);
    return (await readReport(folder.path, "out.json")).run.config;
  };
  const byFlags = await configOf(...FLAGS);
  assert.deepEqual(byFlags, {
    version: 1,
    backend: { use: "echo", with: { delayMs: 5, text: "ok" } },
    data: [{ use: "repeat", with: { text: "hello" } }],
    load: { use: "concurrent", with: { streams: [2, 4] } },
    stop: { requests: 12, drainMs: 2000 },
    slos: ["errorRate<=5%"],
    seed: 7,
    minSamples: 5,
    normalizer: "basic",
    strict: false,
    reports: [
      { use: "json", with: { path: folder.at("out.json"), pretty: true } },
    ],
  });
  assert.deepEqual(await configOf("--config", "run.yaml"), byFlags);
  assert.deepEqual(await configOf("--config", "run.ts"), byFlags);

  await Deno.rename(folder.at("out.json"), folder.at("first.json"));
  const again = ["--config", "first.json", "--report", "json=out.json"];
  assert.deepEqual(await configOf(...again), byFlags);

  const { reports: _, ...byCode } = byFlags;
  const first = await runConfig(byCode);
  assert.deepEqual(first.run.config, { ...byCode, reports: [] });
  const second = await run({
    backend: echo({ delayMs: 5 }),
    dataset: repeat({ text: "hello" }),
    load: concurrent({ streams: [2, 4] }),
    stop: { requests: 12, drainMs: 2000 },
    maxErrorRate: 0.05,
    seed: 7,
    minSamples: 5,
    reporters: [jsonReporter({ path: folder.at("out.json") })],
  });
  assert.deepEqual(second.run.config, byFlags);
  const short = await run({
    backend: echo({}),
    dataset: repeat({ text: "x" }),
    stop: { requests: 2 },
  });
  assert.deepEqual(short.run.config.load, {
    use: "concurrent",
    with: { streams: [1] },
  });
});

Deno.test("flags override a file option by option, and --print-config names the source of each value", async () => {
  await using folder = await tempFolder({ "run.yaml": YAML });
  const { code, stdout, stderr } = await earshot([
    "run",
    ...["--config", "run.yaml", "--backend", "echo,text=yes", "--seed", "9"],
    ...["--load", "poisson=5", "--report", "console", "--print-config"],
    ...["--max-error-rate", "9%"],
  ], { cwd: folder.path });
  assert.equal(code, 0, stderr);
  for (
    const line of [
      "    delayMs: 5 # run.yaml",
      "    text: yes # --backend",
      "  use: poisson # --load",
      "    rates: [5] # --load",
      "  drainMs: 2000 # run.yaml",
      "seed: 9 # --seed",
      "normalizer: basic # default",
      "  - use: console # --report",
      "slos: [errorRate<=5%, errorRate<=9%] # --max-error-rate",
      "      color: auto # default",
    ]
  ) {
    assert.ok(stdout.includes(`${line}\n`), `${line}\n${stdout}`);
  }
  assert.doesNotMatch(stdout, /streams|json/);
});

Deno.test("a configuration with redacted values is rejected with the name of each and the remedy", async () => {
  await using folder = await tempFolder();
  const chat = ["--backend", "chat,headers.X-Key=s3cret,headers.X-Plain=a"];
  const target = ["--target", "http://127.0.0.1:9"];
  const ran = await earshot([
    ...["run", ...chat, ...target, "--data", "repeat=hello"],
    ...["--print-config"],
  ], { cwd: folder.path });
  assert.doesNotMatch(ran.stdout, /s3cret/);
  await Deno.writeTextFile(folder.at("run.yaml"), ran.stdout);
  const again = await earshot(["run", "--config", "run.yaml"], {
    cwd: folder.path,
  });
  assert.equal(again.code, 2);
  for (const name of ["X-Key", "X-Plain"]) {
    assert.ok(
      again.stderr.includes(
        `backend.with.headers.${name} must be given again, as the report does not hold it`,
      ),
      again.stderr,
    );
  }
  const given = await earshot([
    ...["run", "--config", "run.yaml", ...chat, "--print-config"],
  ], { cwd: folder.path });
  assert.equal(given.code, 0, given.stderr);
});

Deno.test("{ env: NAME } is kept in the report and resolved when the plugin opens", async () => {
  const seen: (string | null)[] = [];
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      if (request.method === "POST") seen.push(request.headers.get("x-key"));
      return Response.json({
        choices: [{ message: { role: "assistant", content: "hi" } }],
      });
    },
  );
  await using folder = await tempFolder({
    "run.yaml": `version: 1
backend:
  use: chat
  with:
    target: http://127.0.0.1:${server.addr.port}
    model: m
    stream: false
    healthPath: "off"
    tokenize: false
    headers: { X-Key: { env: MY_KEY } }
data: [{ use: repeat, with: { text: hello } }]
stop: { requests: 2 }
reports: [{ use: json, with: { path: out.json } }]
`,
  });
  const args = ["run", "--config", "run.yaml", "--quiet"];
  const unset = await earshot(args, { cwd: folder.path });
  assert.equal(unset.code, 2);
  assert.match(
    unset.stderr,
    /run\.yaml: backend\.with\.headers\.X-Key must be \{env: NAME\} of a variable that is set, but MY_KEY is not/,
  );
  const printed = await earshot([...args, "--print-config"], {
    cwd: folder.path,
  });
  assert.equal(printed.code, 0, printed.stderr);
  assert.match(printed.stdout, /X-Key: *\n? *env: MY_KEY #/);
  const { stderr } = await earshot(args, {
    cwd: folder.path,
    env: { MY_KEY: "s3cret" },
  });
  assert.deepEqual(seen, ["s3cret", "s3cret"], stderr);
  const { run: { config } } = await readReport(folder.path, "out.json");
  assert.deepEqual(config.backend.with.headers, { "X-Key": { env: "MY_KEY" } });
});

Deno.test("earshot run rejects a configuration with all its problems, each with file, path and rule", async () => {
  await using folder = await tempFolder({
    "wrong.yaml": `version: 1
sed: 3
backend: { use: echo, with: { delayms: 5 } }
seed: many
stop: { requests: 0, duration: 5s }
slos: ["tftt.p95<200ms"]
`,
    "options.yaml": `version: 1
backend: { use: ecko }
data: [{ use: repeat, with: { text: 5 } }]
slos: ["tftt.p95<200ms"]
`,
    "version.json": `{"version": 2}`,
    "broken.yaml": "version: [1",
    "broken.json": "{",
    "empty.yaml": "",
    "secret.yaml":
      'version: 1\nheaders: { Authorization: "Bearer LITSECRET"x }',
    "secret.json": '{"headers": {"Authorization": "Bearer LITSECRET"x}}',
    "secret.ts": 'const key = "LITSECRET"x;',
    "fields.yaml":
      `version: 1\nbackend: { use: chat, with: { target: "http://127.0.0.1:9", path: "/v1/x?key=LITSECRET", body: LITSECRET, apiKeyEnv: LITSECRETabc } }`,
    "cyclic.yaml": "version: 1\nslos: &a [*a]",
    "deep.json": `{"version": 1, "x": ${"[".repeat(20_000)}${
      "]".repeat(20_000)
    }}`,
    "getter.ts":
      'export default { version: 1, get backend() { throw new Error("boom"); } };',
    "twice.json": '{"version": 1, "seed": 1, "seed": 2}',
    "time.yaml": "version: 1\nstop: { warmupMs: soon }",
    "samples.yaml": "version: 1\nminSamples: few",
    "throws.ts": `throw new Error("no luck");`,
    "nothing.ts": "export const config = {};",
    "odd.txt": "",
    "other.json": `{"schema": "earshot.report/9", "run": {}}`,
    "inline.json":
      `{"version": 1, "backend": {"use": "inline:mine"}, "data": [{"use": "clips"}]}`,
  });
  const cases: readonly (readonly [string, ...string[]])[] = [
    [
      "wrong.yaml",
      'wrong.yaml:\n  unknown option "sed"; did you mean "seed"?',
      'unknown option "stop.duration"; did you mean "durationMs"?',
      'seed must be a number, but was "many"',
      "stop.requests must be above 0, but was 0",
      'unknown option "backend.with.delayms"; did you mean "delayMs"?',
      'slos.0: slo "tftt.p95<200ms": unknown metric "tftt"',
    ],
    [
      "options.yaml",
      'backend.use: unknown backend "ecko"; did you mean "echo"?',
      "data.0.with.text must be text",
      "slos.0: ",
      "ttft",
    ],
    ["version.json", "version must be 1, but was 2"],
    ["broken.yaml", "broken.yaml: not valid YAML: "],
    ["broken.json", "broken.json: not valid JSON: "],
    ["empty.yaml", "empty.yaml: is empty"],
    ["secret.yaml", "secret.yaml: not valid YAML: ", "at line 2 column "],
    ["secret.json", "secret.json: not valid JSON: ", "at line 1 column "],
    ["secret.ts", "secret.ts: import failed: ", "secret.ts:1:"],
    [
      "fields.yaml",
      'path must begin with / and have no query, but was "/v1/x?***"',
      "body must be an object",
    ],
    ["cyclic.yaml", "cyclic.yaml: must not contain itself"],
    ["deep.json", "deep.json: must not contain itself, nor more than 100"],
    ["getter.ts", "getter.ts: cannot be read: boom"],
    ["twice.json", "twice.json: not valid JSON: Map keys must be unique"],
    ["time.yaml", "stop.warmupMs must be a number of milliseconds"],
    [
      "samples.yaml",
      'minSamples must be a whole number from 1 on, or "mlperf"',
    ],
    ["throws.ts", "throws.ts: import failed: no luck"],
    ["nothing.ts", "nothing.ts: the default export must be a configuration"],
    ["odd.txt", "odd.txt: a configuration must end in .yaml, "],
    ["none.yaml", "cannot read none.yaml: no such file or directory"],
    ["other.json", "other.json: schema must be earshot.report/2"],
    ["inline.json", '"inline:mine" was passed from code'],
  ];
  for (const [file, ...says] of cases) {
    const { code, stderr } = await earshot(["run", "--config", file], {
      cwd: folder.path,
    });
    assert.equal(code, 2, `${file}: ${stderr}`);
    assert.doesNotMatch(stderr, /LITSECRET/);
    assert.ok(!stderr.includes("\x1b"), stderr);
    for (const text of says) {
      assert.ok(stderr.includes(text), `${file}: ${text}\n${stderr}`);
    }
  }
});

Deno.test("runConfig() rejects a configuration with the problems of its shape and of its plugins", async () => {
  const rejected = async (config: unknown, message: string) => {
    const error = await runConfig(config as RunConfig).catch((error) => error);
    assert.equal(error.name, "UsageError");
    assert.equal(error.message, message);
  };
  await rejected(
    {
      version: 1,
      seed: "x",
      backend: { use: 5 },
      load: { use: "concurrent", with: { streams: [0] } },
    },
    `config:
  backend.use must be text, but was 5
  seed must be a number, but was "x"
  load.with.streams.0 must be above 0, but was 0`,
  );
  await rejected(5, "config: must be an object, but was 5");
  await rejected({ version: 1 }, "config: backend.with.target must be given");
});
