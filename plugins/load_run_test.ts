// Opens the C library before a test loads a plugin that does: the test would be said to leave it open.
import "../lib/libc.ts";
import assert from "node:assert/strict";
import { catalogue } from "../catalogue.ts";
import type { Report } from "../core/report.ts";
import { loadPlugin } from "./load.ts";
import type { Kind } from "./plugin.ts";
import { run } from "./run.ts";

/** A plugin of each kind, as someone writes it who has nothing of ours but a type. */
const head = (kind: Kind, name: string) => `
const options = {
  "~standard": { version: 1 as const, vendor: "none", validate: (value: unknown) => ({ value }) },
};
const label = { kind: "${kind}" as const, apiVersion: 1 as const, name: "${name}", summary: "Theirs", options };
`;

/** Kinds that take part in every run. */
type RunKind = Exclude<Kind, "dialect">;

const SOURCES: Readonly<Record<RunKind, string>> = {
  backend: `import type { Definition } from "@earshot/earshot/plugin";
${head("backend", "shout")}
export default {
  ...label,
  open: ({ mark }: { mark: string }) => ({
    needs: ["text"],
    facts: { mark },
    prepare: (turn: { columns: { text: string } }) => Promise.resolve(turn.columns.text.toUpperCase() + mark),
    async send({ prepared }: { prepared: string }, call: any) {
      await call.clock.sleepUntil(call.clock.now() + 1, call.signal);
      call.output(call.read(prepared.length), { kind: "text", text: prepared });
      return { usage: { outputTokens: 1 } };
    },
  }),
} satisfies Definition<"backend", any, any>;`,
  dataset: `${head("dataset", "words")}
export default {
  ...label,
  open: ({ words }: { words: string[] }) => ({
    facts: { count: words.length },
    async *sessions() {
      for (const text of words) yield { id: text, turns: [{ columns: { text, reference: text + "!" } }] };
    },
  }),
};`,
  load: `import type { LoadDefinition } from "@earshot/earshot/plugin";
${head("load", "steps")}
export default {
  ...label,
  profile: ({ gapMs }: { gapMs: number }) => function* () {
    for (const name of ["slow", "fast"]) {
      const arrivals = name === "slow" ? [0, gapMs, 2 * gapMs] : [0, 0, 0];
      const report = yield { name, load: { kind: "steps", gapMs }, arrivals };
      if (report.counts.ok < 3) return;
    }
  },
} satisfies LoadDefinition<any, any>;`,
  reporter: `${head("reporter", "log")}
export default {
  ...label,
  open: ({ seen }: { seen: unknown[] }) => ({
    samples: (batch: { output: { text: string } }[]) => void seen.push(...batch.map(({ output }) => output.text)),
    report: (report: { stages: { counts: { ok: number } }[] }) => void seen.push(report.stages[0].counts.ok),
  }),
};`,
};

/** Runs all of them, each from where `whereOf` says that it is. */
async function ran(
  whereOf: (kind: RunKind) => string,
): Promise<{ report: Report; seen: unknown[] }> {
  const load = <K extends RunKind>(kind: K) =>
    loadPlugin(kind, whereOf(kind), { catalogue });
  const [backend, dataset, steps, reporter] = await Promise.all([
    load("backend"),
    load("dataset"),
    load("load"),
    load("reporter"),
  ]);
  const seen: unknown[] = [];
  const report = await run({
    backend: backend({ mark: "!" }),
    dataset: dataset({ words: ["so", "it", "is"] }),
    reporters: [reporter({ seen })],
    load: steps({ gapMs: 20 }),
    stop: { requests: 3 },
  });
  return { report, seen };
}

function holds({ report, seen }: { report: Report; seen: unknown[] }): void {
  const [stage, fast, ...rest] = report.stages;
  assert.equal(rest.length, 0);
  assert.deepEqual(stage?.load, { kind: "steps", gapMs: 20 });
  assert.equal(fast?.name, "fast");
  assert.equal(stage?.counts.ok, 3);
  assert.equal(stage.quality.wer?.value, 0);
  assert.ok(stage.metrics.latency!.p50 >= 1);
  const { config: { backend, data, load }, facts } = report.run;
  assert.deepEqual(backend.with, { mark: "!" });
  assert.match(backend.use, /^(\/|file:|https?:)/);
  assert.deepEqual(facts, {
    backend: { mark: "!" },
    data: { count: 3 },
    names: {
      [backend.use]: "shout",
      [data[0]!.use]: "words",
      [[load].flat()[0]!.use]: "steps",
    },
  });
  assert.deepEqual(seen, ["SO!", "IT!", "IS!", "SO!", "IT!", "IS!", 3]);
}

Deno.test("loadPlugin() lets a stranger's plugin of each kind take part in a run, from files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [kind, source] of Object.entries(SOURCES)) {
      await Deno.writeTextFile(`${folder}/${kind}.ts`, source);
    }
    holds(await ran((kind) => `${folder}/${kind}.ts`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() lets a stranger's plugin of each kind take part in a run, from URLs", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    ({ url }) =>
      new Response(SOURCES[new URL(url).pathname.slice(1, -3) as RunKind]),
  );
  holds(await ran((kind) => `http://127.0.0.1:${server.addr.port}/${kind}.ts`));
});
