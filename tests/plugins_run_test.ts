// Plugins of other authors, from a file and from a URL, in runs of the real program.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Report } from "../plugins/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";

/** URL of the module that plugins import as `@earshot/earshot/plugin`. */
const SEAM = import.meta.resolve("../plugins/mod.ts");

/** Source of a schema written by hand, with its JSON Schema. */
const SCHEMA = `function schema(properties) {
  const json = { type: "object", properties, additionalProperties: false };
  return { "~standard": {
    version: 1, vendor: "a-stranger",
    validate: (value) => ({ value }),
    jsonSchema: { input: () => json, output: () => json },
  } };
}`;

/** Backend that answers each prompt with its words in reverse. */
const BACKEND = `
import type { Backend, Definition } from "@earshot/earshot/plugin";

${SCHEMA}

const definition: { kind: "backend"; apiVersion: 1 } & Definition<"backend", never, { pauseMs?: number }> = {
  kind: "backend",
  apiVersion: 1,
  name: "reverser",
  summary: "Says it backwards",
  primary: "pauseMs",
  options: schema({ pauseMs: { type: "number" } }),
  open({ pauseMs = 0 }): Backend {
    return {
      needs: ["text"],
      facts: { pauseMs },
      async send({ turn }, call) {
        await call.clock.sleepUntil(call.clock.now() + pauseMs, call.signal);
        const words = String(turn.columns.text).split(" ").reverse();
        for (const word of words) {
          call.output(call.read(word.length), { kind: "text", text: word + " ", tokens: 1 });
        }
        return { usage: { outputTokens: words.length } };
      },
    };
  },
};
export default definition;
`;

/** Dataset that counts up. */
const DATASET = `
${SCHEMA}
export default {
  kind: "dataset",
  apiVersion: 1,
  name: "counter",
  summary: "One, two, three",
  primary: "upTo",
  options: schema({ upTo: { type: "integer" } }),
  open: ({ upTo = 3 }) => ({
    facts: { items: upTo },
    async *sessions() {
      for (let i = 1; i <= upTo; i++) {
        const columns = { text: "number " + i, reference: i + " number" };
        yield { id: "item-" + i, turns: [{ columns }] };
      }
    },
  }),
};
`;

/** Load with one stage of start times that double, until a stage fails or its limit is reached. */
const LOAD = `
${SCHEMA}
export default {
  kind: "load",
  apiVersion: 1,
  name: "doubling",
  summary: "Doubles the rate until a stage has failures",
  primary: "limit",
  options: schema({ limit: { type: "number" } }),
  profile: ({ limit = 800 }) => function* () {
    for (let rate = limit / 2; rate <= limit; rate *= 2) {
      const report = yield {
        name: rate + " starts a second",
        load: { kind: "doubling", rate },
        arrivals: startsAt(rate),
        maxInFlight: 10,
      };
      if (report.slo.some(({ pass }) => !pass)) return;
    }
  },
};

function* startsAt(rate) {
  for (let i = 0;; i++) yield i * 1000 / rate;
}
`;

/** Reporter that writes a line for each call. */
const REPORTER = `
import { appendFileSync } from "node:fs";
${SCHEMA}
export default {
  kind: "reporter",
  apiVersion: 1,
  name: "diary",
  summary: "Dear diary",
  primary: "path",
  options: schema({ path: { type: "string" } }),
  open({ path }) {
    const write = (line) => appendFileSync(path, line + "\\n");
    return {
      start: ({ run }) => write("start " + run.config.backend.use.replace(/^.*\\/|\\..*$/g, "")),
      samples: (batch) => batch.forEach((each) => write("sample " + each.output.text.trim())),
      stage: ({ name }) => write("stage " + name),
      report: ({ stages }) => write("report " + stages[0].counts.ok),
      [Symbol.asyncDispose]: async () => write("closed"),
    };
  },
};
`;

/** Rewrites a source to use a define function. */
function defined(
  kind: "Backend" | "Dataset" | "Load" | "Reporter",
  source: string,
) {
  return source
    .replace(/^import type .*$/m, "")
    .replace(/const definition: .* = \\{/, "const definition = {")
    .replace("export default {", "const definition = {")
    .replace(/^export default definition;$/m, "")
    .replace(/^ {2}(kind|apiVersion): .*,$/gm, "") +
    `\nimport { define${kind} } from "${SEAM}";\nexport default define${kind}(definition);\n`;
}

const NAMES = ["backend.ts", "dataset.js", "load.js", "reporter.ts"] as const;
const PLAIN = {
  "backend.ts": BACKEND,
  "dataset.js": DATASET,
  "load.js": LOAD,
  "reporter.ts": REPORTER,
};

/** Runs all four together and checks the report. */
async function runAll(
  cwd: string,
  [backend, dataset, load, reporter]: readonly string[],
): Promise<void> {
  const { code, stdout, stderr } = await earshot([
    "run",
    ...["--backend", `${backend}=2`, "--data", `${dataset}=4`],
    ...["--report", `${reporter}=diary.txt`, "--report", "json=out.json"],
    ...["--report", "console", "--load", `${load},limit=400`],
    ...["--max-error-rate", "10%"],
  ], { cwd });
  assert.ok(code === 0 || code === 4, `${code}: ${stderr}`);
  assert.equal(stderr, "");
  assert.match(
    stdout,
    /^earshot \S+ · reverser\n {2}run +data +counter \(4 items\)/,
  );
  const { run, stages }: Report = await readReport(cwd, "out.json");
  assert.deepEqual(run.facts.backend, { pauseMs: 2 });
  assert.deepEqual(
    stages.map(({ name, load, counts }) => [name, load, counts.ok]),
    [
      ["200 starts a second", { kind: "doubling", rate: 200 }, 4],
      ["400 starts a second", { kind: "doubling", rate: 400 }, 4],
    ],
  );
  assert.equal(
    stages[0]!.quality.wer?.value,
    0,
    "each answer is its reference",
  );
  const diary = (await Deno.readTextFile(`${cwd}/diary.txt`)).trim().split(
    "\n",
  );
  assert.deepEqual(
    [diary.at(0), diary.slice(1, -2).toSorted(), diary.slice(-2)],
    [
      "start backend",
      [
        ...[1, 1, 2, 2, 3, 3, 4, 4].map((i) => `sample ${i} number`),
        "stage 200 starts a second",
        "stage 400 starts a second",
      ],
      ["report 4", "closed"],
    ],
  );
  await Deno.remove(`${cwd}/diary.txt`);
}

/** Serves files on loopback. */
function host(files: Readonly<Record<string, string>>) {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    ({ url }) => {
      const name = new URL(url).pathname.slice(1);
      const text = Object.hasOwn(files, name) ? files[name]! : undefined;
      return text === undefined
        ? new Response("Not here", { status: 404 })
        : new Response(text, {
          headers: {
            "content-type": name.endsWith(".js")
              ? "text/javascript"
              : "application/octet-stream",
          },
        });
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function sha256(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("run loads a plugin of each kind from files, plain and defined", async () => {
  await using folder = await tempFolder({
    ...PLAIN,
    "defined/backend.ts": defined("Backend", BACKEND),
    "defined/dataset.js": defined("Dataset", DATASET),
    "defined/load.js": defined("Load", LOAD),
    "defined/reporter.ts": defined("Reporter", REPORTER),
  });
  await runAll(folder.path, NAMES.map((name) => `./${name}`));
  await runAll(folder.path, NAMES.map((name) => `./defined/${name}`));
  await runAll(folder.path, NAMES.map((name) => folder.at(name)));
});

Deno.test("run loads a plugin of each kind from URLs, pinned or not, and leaves deno.lock alone", async () => {
  const lock = fileURLToPath(new URL("../deno.lock", import.meta.url));
  const before = await sha256(await Deno.readTextFile(lock));
  await using folder = await tempFolder();
  await using server = host(PLAIN);
  await runAll(folder.path, NAMES.map((name) => `${server.url}/${name}`));
  const pinned = await Promise.all(
    NAMES.map(async (name) =>
      `"${server.url}/${name}#sha256=${await sha256(PLAIN[name])}"`
    ),
  );
  await runAll(folder.path, pinned);
  assert.equal(await sha256(await Deno.readTextFile(lock)), before);
  const left = await Array.fromAsync(Deno.readDir(folder.path));
  assert.deepEqual(left.map(({ name }) => name), ["out.json"]);
});

Deno.test("run fetches a plugin from its URL each time", async () => {
  await using folder = await tempFolder();
  const files = { "dataset.js": DATASET };
  await using server = host(files);
  const run = () =>
    earshot([
      "run",
      ...["--backend", "echo", "--data", `${server.url}/dataset.js`],
      ...["--report", "json=out.json"],
    ], { cwd: folder.path });
  await run();
  files["dataset.js"] = DATASET.replace("upTo = 3", "upTo = 5");
  await run();
  const { stages }: Report = await readReport(folder.path, "out.json");
  assert.equal(stages[0]!.counts.ok, 5);
});

Deno.test("run rejects unsuitable plugins from URLs, with the reason", async () => {
  await using server = host({
    "backend.ts": BACKEND,
    "packaged.ts": `import { z } from "zod";\n${BACKEND}`,
    "parted.ts": `import { help } from "./help.ts";\n${BACKEND}`,
    "nameless.js": "export const backend = {};",
    "old.js": BACKEND.replace("apiVersion: 1,", "apiVersion: 7,")
      .replace(/^import type .*$/m, "").replace(
        /^const definition: .*$/m,
        "const definition = {",
      )
      .replace(": Backend {", " {"),
    "broken.js": "export default {;",
    "page.html": "<!doctype html><title>Sign in</title>",
  });
  const wrong = "0".repeat(64);
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      `backend.ts#sha256=${wrong}`,
      new RegExp(`must be the pinned ${wrong}, but was [0-9a-f]{64}`),
    ],
    [
      "backend.ts#sha256=12",
      /64 hexadecimal digits, but was #sha256=12/,
    ],
    ["packaged.ts", /but imports "zod"; bundle it first, with 'deno bundle/],
    ["parted.ts", /but imports "\.\/help\.ts"; bundle it first/],
    ["none.ts", /the server answered 404/],
    [
      "nameless.js",
      /default export must be a backend, but the module exports backend/,
    ],
    ["old.js", /apiVersion.*7/],
    ["broken.js", /import failed: /],
    ["page.html", /sent a web page/],
  ];
  for (const [name, says] of cases) {
    const { code, stdout, stderr } = await earshot([
      "run",
      ...["--backend", `${server.url}/${name}`, "--data", "repeat=x"],
    ]);
    assert.equal(code, 2, `${name}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, /^earshot: --backend: http:/);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /^\s+at .*(cli|plugins)\/|data:/m);
  }
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", "http://192.0.2.1/backend.ts", "--data", "repeat=x"],
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /only over https:, or over http: from this machine/);
});
