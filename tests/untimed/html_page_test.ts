import assert from "node:assert/strict";
import { htmlReporter } from "../../reporters/html/html.ts";
import { hostileReport } from "../support/hostile.ts";
import {
  browserTest,
  overflowOf,
  seriousFindings,
  type Tab,
  textOf,
  type View,
} from "../support/browser.ts";
import { earshot } from "../support/earshot.ts";
import { tempFolder } from "../support/files.ts";
import { finish, open as openReporter } from "../support/reporters.ts";
import { QUICK, serve } from "../support/serve.ts";

type Open = (url: string, view?: View) => Promise<Tab>;

/** Checks a page at every width and in both colour schemes: whole, offline, without errors and accessible. */
async function assertWhole(
  open: Open,
  path: string,
  says: readonly RegExp[],
): Promise<void> {
  const views: View[] = [
    ...[400, 1000, 1600].map((width) => ({ width })),
    { width: 1000, scheme: "dark" },
  ];
  for (const view of views) {
    const tab = await open(`file://${path}`, view);
    const text = await textOf(tab);
    for (const each of says) assert.match(text, each);
    assert.deepEqual(tab.problems, []);
    assert.deepEqual(tab.requests, []);
    assert.ok(await overflowOf(tab) <= 0, `too wide for ${view.width} px`);
    if (view.width === 1000) assert.deepEqual(await seriousFindings(tab), []);
    await tab.page.close();
  }
}

browserTest(
  "the page of a sweep answers what people ask, at every width",
  async (open) => {
    await using folder = await tempFolder();
    await using server = await serve(QUICK);
    const path = folder.at("run.html");
    await earshot([
      ...["run", "--backend", "chat", "--target", server.url],
      ...["--load", "concurrent=1,2,4,8,16,32,64,128", "--requests", "32"],
      ...["--data", "synthetic,inputTokens=16,outputTokens=4,count=16"],
      ...["--slo", "ttft.p95<20s", "--quiet", "--report", `html=${path}`],
    ]);
    await assertWhole(open, path, [
      /ttft\.p95<20s/,
      /128 streams/,
      /None of [\d,]+ requests failed/,
      /keeps? p95 TTFT under/,
    ]);

    const tab = await open(`file://${path}`);
    assert.doesNotMatch(await textOf(tab), /Stage: 4 streams/);
    await tab.page.evaluate(`[...document.querySelectorAll("button")]
    .find(({ innerText }) => innerText === "4 streams").click()`);
    assert.match(await textOf(tab), /Stage: 4 streams/);
  },
);

browserTest(
  "the page of speech has words, gaps and errors of words",
  async (open) => {
    await using folder = await tempFolder();
    await using server = await serve(QUICK);
    const path = folder.at("run.html");
    await earshot([
      ...["run", "--backend", "realtime,speed=20", "--target", server.url],
      ...["--load", "concurrent=1,4,8", "--requests", "8", "--quiet"],
      ...["--report", `html=${path}`],
    ]);
    await assertWhole(open, path, [/WER/, /finalization/i, /8 streams/]);
  },
);

browserTest(
  "the page of a failed run says why, with the server's message",
  async (open) => {
    await using folder = await tempFolder();
    await using server = await serve([
      ...QUICK,
      "--fault",
      "status=500@accept",
    ]);
    const path = folder.at("run.html");
    await earshot([
      ...["run", "--backend", "chat", "--target", server.url],
      ...["--data", "repeat=hello", "--requests", "8", "--quiet"],
      ...["--report", `html=${path}`],
    ]);
    await assertWhole(open, path, [/no request succeeded/i, /500/]);
  },
);

browserTest(
  "hostile names, errors and transcripts are shown as text",
  async (open) => {
    await using folder = await tempFolder();
    const evil = [
      `<script>alert(1)</script><img src=x onerror=alert(2)>`,
      `</script><script>alert(3)</script>\u2028\u202egnp.exe\0\u001b[31m`,
      "x".repeat(1_000_000),
    ].join("");
    const path = folder.at("evil.html");
    const reporter = await openReporter(htmlReporter({ path }));
    await finish(reporter, hostileReport(evil));
    assert.ok((await Deno.stat(path)).size < 1_500_000);
    const tab = await open(`file://${path}`, { width: 400 });
    assert.match(await textOf(tab), /<script>alert\(1\)<\/script><img/);
    assert.deepEqual(tab.problems, []);
    assert.deepEqual(tab.requests, []);
    assert.ok(await overflowOf(tab) <= 0);
    assert.equal(await tab.page.$("img"), null);
  },
);
