// Runs the install command of the README as it is written, and then the installed command.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../support/files.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("the installed command runs from any folder, with plugins that import earshot's modules", async () => {
  const readme = await Deno.readTextFile(
    new URL("../../README.md", import.meta.url),
  );
  const [command] = readme.match(/^deno install -g .*$/m) ?? [];
  assert.ok(command);
  await using home = await tempFolder({
    "mine.ts": `
      import { defineBackend } from "@earshot/earshot/plugin";
      import { z } from "zod";
      export default defineBackend({
        name: "mine",
        summary: "Answers at once",
        options: z.strictObject({}),
        open: () => ({
          needs: [],
          send(_request, call) {
            call.output(call.read(2), { kind: "text", text: "ok" });
            return Promise.resolve({});
          },
        }),
      });`,
  });
  const [, ...args] = command.split(" ");
  await output(Deno.execPath(), args, ROOT, { DENO_INSTALL_ROOT: home.path });
  const earshot = home.at(
    `bin/earshot${Deno.build.os === "windows" ? ".cmd" : ""}`,
  );
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  assert.equal(await output(earshot, ["--version"], home.path), `${version}\n`);
  const said = await output(earshot, [
    "run",
    ...["--backend", "./mine.ts", "--data", "repeat=hello", "--requests", "3"],
  ], home.path);
  assert.match(said, /3 requests: 3 ok/);
});

/** Runs a program that must succeed, and returns its output. */
async function output(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      PATH: `${Deno.execPath().replace(/[\\/][^\\/]*$/, "")}:${
        Deno.env.get("PATH")
      }`,
      ...env,
    },
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}
