// The live page of a whole run; cli/live has the details.

import assert from "node:assert/strict";
import { updatedPage } from "../report_page/page_update.ts";
import type { PageData } from "../reporters/html/page_data.ts";
import { earshot, startEarshot } from "./support/earshot.ts";
import { tempFolder } from "./support/files.ts";

const ECHO = ["run", "--backend", "echo=50", "--data", "repeat=hello"];

/** Reads events to their end, and returns the page after each. */
async function pagesOf(events: URL): Promise<PageData[]> {
  const pages: PageData[] = [];
  const text = await (await fetch(events)).text();
  for (const event of text.split("\n\n")) {
    if (!event.startsWith("data: ")) continue;
    pages.push(updatedPage(pages.at(-1), JSON.parse(event.slice(6))));
  }
  return pages;
}

Deno.test("run --ui shows the run while it goes on, and its report at the end", async () => {
  await using folder = await tempFolder();
  await using running = startEarshot(
    [...ECHO, "--load", "concurrent=1,2", "--duration", "1s", "--ui", "0"],
    { cwd: folder.path },
  );
  const [, url] = await running.waitFor(
    /^earshot: live page until the run ends: (http:\/\/127\.0\.0\.1:\d+\/)$/m,
    "stderr",
  );
  const html = await (await fetch(url!)).text();
  assert.match(html, /<main id="page">/);
  const pages = await pagesOf(new URL("events", url));
  const { code, stdout } = await running.ended;
  assert.ok(code === 0 || code === 4, stdout);
  assert.ok(pages.some(({ progress }) => progress?.name === "1 stream"));
  const last = pages.at(-1)!;
  assert.equal(last.end?.interrupted, false);
  assert.deepEqual(
    last.stages.map(({ report }) => report?.name),
    ["1 stream", "2 streams"],
  );
  assert.ok(last.stages.every(({ details }) => details!.requests.length > 5));
});

Deno.test("run --ui ends with the run although a page is open that does not read", async () => {
  await using folder = await tempFolder();
  await using running = startEarshot(
    [...ECHO, "--duration", "1s", "--ui", "0"],
    { cwd: folder.path },
  );
  const [, port] = await running.waitFor(/127\.0\.0\.1:(\d+)/, "stderr");
  using stuck = await Deno.connect({ port: Number(port) });
  const request = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
  await stuck.write(new TextEncoder().encode(request));
  const { code } = await running.ended;
  assert.ok(code === 0 || code === 4);
});

Deno.test("run --ui refuses a port in use before anything is measured", async () => {
  await using folder = await tempFolder();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  const { code, stdout, stderr } = await earshot(
    [...ECHO, "--requests", "3", "--ui", String(port)],
    { cwd: folder.path },
  );
  assert.deepEqual([code, stdout, stderr], [
    2,
    "",
    `earshot: --ui: cannot listen at port ${port} of 127.0.0.1; give another port, or 0 for a free one: Address already in use (os error 98)\n`,
  ]);
});

Deno.test("run --ui needs a token for other machines, which no report has", async () => {
  await using folder = await tempFolder();
  const { code, stdout, stderr } = await earshot(
    [
      ...ECHO,
      "--requests",
      "3",
      "--ui",
      "0.0.0.0:0",
      "--report",
      "json=a.json",
    ],
    { cwd: folder.path },
  );
  assert.ok(code === 0 || code === 4, stderr);
  const [, token] = /:\d+\/([\da-f]{32})\/\n/.exec(stderr)!;
  const written = await Deno.readTextFile(folder.at("a.json"));
  assert.ok(!(stdout + written).includes(token!));
});
