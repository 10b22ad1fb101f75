import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

Deno.test("every page and the CI name the version of Deno that .dvmrc pins", async () => {
  const pinned = (await read(".dvmrc")).trim();
  assert.match(pinned, /^\d+\.\d+\.\d+$/);
  const pages = ["README.md", "CONTRIBUTING.md", ".ci/run", "cli.ts"];
  const named = (await Promise.all(
    pages.map(async (page) =>
      [...(await read(page)).matchAll(/\bdeno@(\d[\w.-]*)/g)].map((
        [, version],
      ) => [page, version])
    ),
  )).flat();
  for (const [page, version] of named) assert.equal(version, pinned, page);
  assert.ok(
    named.some(([page]) => page === "README.md"),
    "the README says how to run it",
  );
});

Deno.test("cli.ts asks for no newer Deno than .dvmrc pins", async () => {
  const needed = (await read("cli.ts")).match(
    /NEEDED = \[(\d+), (\d+), (\d+)\]/,
  )?.slice(1).map(Number);
  const pinned = (await read(".dvmrc")).trim().split(".").map(Number);
  assert.ok(needed);
  const order =
    needed.map((part, i) => part - pinned[i]!).find((difference) =>
      difference !== 0
    ) ?? 0;
  assert.ok(order <= 0, `${needed} is newer than ${pinned}`);
});
