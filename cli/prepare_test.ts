import assert from "node:assert/strict";
import { tempFolder } from "../tests/support/datasets.ts";
import { UsageError } from "../plugins/mod.ts";
import { checkPaths } from "./prepare.ts";

const reporter = (use: string, path?: string) => ({
  use,
  with: path === undefined ? {} : { path },
});

Deno.test("checkPaths() lets each reporter have its own file, and many share a device", async () => {
  await using folder = await tempFolder();
  await checkPaths([
    reporter("console"),
    reporter("json", folder.at("a.json")),
    reporter("jsonl", folder.at("a.jsonl")),
    reporter("json", "/dev/null"),
    reporter("jsonl", "/dev/null"),
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
          reporter("json", folder.at(a)),
          reporter("jsonl", `${folder.path}/${b}`),
        ], { what: "the data", paths: [] }),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(
          error.message,
          /^--report: jsonl must have a file of its own, but .* is that of json$/,
        );
        return true;
      },
    );
  }
});

Deno.test("checkPaths() refuses two reporters on standard output, naming both", async () => {
  const read = { what: "the data", paths: [] };
  for (
    const [reporters, message] of [
      [
        [reporter("jsonl", "-"), reporter("console")],
        /^--report: jsonl and console both write to standard output; give/,
      ],
      [
        [
          reporter("json", "-"),
          reporter("jsonl", "/dev/null"),
          reporter("jsonl", "-"),
        ],
        /^--report: json and jsonl both write/,
      ],
      [
        [reporter("console"), reporter("console")],
        /^--report: console and console both write/,
      ],
    ] as const
  ) {
    await assert.rejects(() => checkPaths(reporters, read), {
      name: "UsageError",
      message,
    });
  }
  await checkPaths([reporter("jsonl", "-")], read);
});

Deno.test("checkPaths() refuses to write over the samples", async () => {
  await using folder = await tempFolder({ "s.jsonl": "{}" });
  await assert.rejects(
    () =>
      checkPaths(
        [reporter("jsonl", folder.at("s.jsonl"))],
        { what: "the samples", paths: [folder.at("s.jsonl")] },
      ),
    /that of the samples$/,
  );
});
