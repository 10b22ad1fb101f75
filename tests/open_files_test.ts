// Runs in a process with too few file descriptors: the client is blamed, no result is lost, and the process ends.

import assert from "node:assert/strict";
import type { Report } from "../plugins/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";
import { QUICK, serve } from "./support/serve.ts";

/** Enough file descriptors to start, and for some of the streams. */
const MAX_OPEN_FILES = 64;

const SPEECH = "clips,limit=1";
const PROMPTS = "synthetic,inputTokens=8,outputTokens=2,count=8";
const BACKENDS = [
  ["realtime", "realtime,speed=0,transport=native", SPEECH],
  ["realtime with ws", "realtime,speed=0,transport=ws", SPEECH],
  ["chat", "chat,reuse=false", PROMPTS],
] as const;

for (const [name, backend, data] of BACKENDS) {
  Deno.test({
    name:
      `run of ${name} without files to open fails by EMFILE, goes on, and ends by itself`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using folder = await tempFolder({});
      await using server = await serve([...QUICK, "--set", "ttftMs=100"]);
      const { code, stdout, stderr } = await earshot([
        "run",
        // A host name, because the lookup needs file descriptors too.
        ...["--target", server.url.replace("127.0.0.1", "localhost")],
        ...["--backend", backend, "--data", data],
        // All at once: by default the starts are spread, and few connections are open at a time.
        ...["--load", "concurrent=60,1,spreadMs=0", "--requests", "60"],
        ...["--report", "json=out.json", "--report", "jsonl=samples.jsonl"],
      ], {
        cwd: folder.path,
        before: `ulimit -n ${MAX_OPEN_FILES}`,
        limitMs: 90_000,
      });
      const what = `${code} ${stdout} ${stderr}`;
      assert.ok([1, 4].includes(code), what);
      const { stages }: Report = await readReport(folder.path, "out.json");
      const [many, one] = stages;
      assert.ok(many && one, what);
      assert.ok(many.counts.error > 0, what);
      assert.equal(many.counts.ok + many.counts.error, 60, what);
      assert.deepEqual(
        many.failures.map(({ class: failure, code }) => [failure, code]),
        [["connect_error", "EMFILE"]],
        JSON.stringify(many.failures),
      );
      assert.match(many.failures[0]!.message, /ulimit -n/);
      // Connections are accepted once descriptors are free; the last ones of the stage before may still be closing.
      assert.ok(one.counts.ok > 50, JSON.stringify(one.failures));
    },
  });
}
