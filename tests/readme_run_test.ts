// The commands of the README's tour of endpoints, unchanged except for the port.

import assert from "node:assert/strict";
import { earshot } from "./support/earshot.ts";
import { serve } from "./support/serve.ts";

/** Returns the arguments of each `run` under a heading, with the address replaced by the server's. */
async function runsUnder(heading: string, url: string): Promise<string[][]> {
  const readme = await Deno.readTextFile(
    new URL("../README.md", import.meta.url),
  );
  const section = readme.split(/^## /m).find((each) =>
    each.startsWith(`${heading}\n`)
  );
  assert.ok(section, `the README has no heading ${heading}`);
  return section.replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.startsWith("deno run -A cli.ts run"))
    .map((line) => line.replaceAll("http://127.0.0.1:8000", url))
    .map((line) => line.split(/\s+/).slice(4));
}

Deno.test("every command of the README for an endpoint succeeds, streamed and not", async (t) => {
  await using server = await serve(["--set", "ttftMs=5", "--set", "itlMs=1"]);
  const runs = await runsUnder("Every endpoint", server.url);
  assert.equal(runs.length, 11);
  for (const args of runs) {
    await t.step(args.join(" ").replaceAll(server.url, "URL"), async () => {
      const { code, stdout, stderr } = await earshot([...args, "--quiet"]);
      assert.equal(stderr, "");
      assert.doesNotMatch(stdout, /no request succeeded|estimated/);
      const streams = !/stream=false|embeddings/.test(args.join(" "));
      assert.equal(/^ {4}TTFT /m.test(stdout), streams, stdout);
      // 4: on a busy machine, the result may be client-limited.
      assert.ok([0, 4].includes(code), stdout);
    });
  }
});
