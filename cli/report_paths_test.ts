import assert from "node:assert/strict";
import { tempFolder } from "../tests/support/datasets.ts";
import { consoleReporter, jsonlReporter, jsonReporter } from "../mod.ts";
import { UsageError } from "../plugins/mod.ts";
import { checkPaths } from "./report_paths.ts";

Deno.test("checkPaths() lets each reporter have its own file, and many share a device", async () => {
  await using folder = await tempFolder();
  await checkPaths([
    consoleReporter({}),
    jsonReporter({ path: folder.at("a.json") }),
    jsonlReporter({ path: folder.at("a.jsonl") }),
    jsonReporter({ path: "/dev/null" }),
    jsonlReporter({ path: "/dev/null" }),
  ], { what: "the data", paths: [folder.path] });
});

Deno.test("checkPaths() refuses two reporters of one file, whatever they call it", async () => {
  await using folder = await tempFolder({ "there.json": "" });
  await Deno.symlink(folder.at("there.json"), folder.at("link.json"));
  for (
    const [a, b] of [
      ["new.json", "./new.json"],
      ["there.json", "link.json"],
    ] as const
  ) {
    await assert.rejects(
      () =>
        checkPaths([
          jsonReporter({ path: folder.at(a) }),
          jsonlReporter({ path: `${folder.path}/${b}` }),
        ], { what: "the data", paths: [] }),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /by jsonl .*it is that of json$/);
        return true;
      },
    );
  }
});

Deno.test("checkPaths() refuses two reporters on standard output, naming both", async () => {
  const read = { what: "the data", paths: [] };
  const dash = { path: "-" };
  for (
    const [reporters, message] of [
      [
        [jsonlReporter(dash), consoleReporter({})],
        /by console to standard output .*that of jsonl; give/,
      ],
      [
        [
          jsonReporter(dash),
          jsonlReporter({ path: "/dev/null" }),
          jsonlReporter(dash),
        ],
        /by jsonl to standard output .*that of json; give/,
      ],
      [[consoleReporter({}), consoleReporter({})], /that of console/],
    ] as const
  ) {
    await assert.rejects(() => checkPaths(reporters, read), {
      name: "UsageError",
      message,
    });
  }
  await checkPaths([jsonlReporter(dash)], read);
});

Deno.test("checkPaths() refuses to write over the samples", async () => {
  await using folder = await tempFolder({ "s.jsonl": "{}" });
  await assert.rejects(
    () =>
      checkPaths(
        [jsonlReporter({ path: folder.at("s.jsonl") })],
        { what: "the samples", paths: [folder.at("s.jsonl")] },
      ),
    /that of the samples$/,
  );
});
