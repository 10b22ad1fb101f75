import assert from "node:assert/strict";
import { connect } from "node:net";
import { systemClock } from "../../core/clock.ts";
import type { Progress, Reporter } from "../../plugins/mod.ts";
import { type PageUpdate, updatedPage } from "../../report_page/page_update.ts";
import type { PageData } from "../../reporters/html/page_data.ts";
import { shownData } from "../../reporters/html/shown_text.ts";
import {
  goodStage,
  oneStageReport,
  runInfo,
} from "../../tests/support/report.ts";
import { sample } from "../../tests/support/sample.ts";
import { parseWebAddress } from "./web_address.ts";
import { startWebView, type WebView } from "./web_view.ts";

const SNAPSHOT: Progress = {
  atMs: 8000,
  stage: 0,
  name: "8 streams",
  phase: "measure",
  inFlight: 8,
  counts: { ok: 41, error: 1, timeout: 1, cancelled: 0, dropped: 0 },
  requestsPerSecond: 1.94,
  medians: {},
};

function start(address = "0"): WebView {
  return startWebView(parseWebAddress(address), { clock: systemClock() });
}

async function open({ view }: WebView): Promise<Reporter> {
  const { signal } = new AbortController();
  return await view.open({ env: () => undefined, signal, warn() {} });
}

/** A page that reads events. */
class Page implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";
  data: PageData | undefined;
  isOver = false;

  constructor(response: Response) {
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    this.#reader = response.body!.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  static async open(view: WebView): Promise<Page> {
    return new Page(await fetch(new URL("events", view.url)));
  }

  /** Reads until there is an update. Returns its size, or undefined at the end. */
  async next(): Promise<number | undefined> {
    while (true) {
      const [event, ...rest] = this.#text.split("\n\n");
      if (rest.length > 0) {
        this.#text = rest.join("\n\n");
        if (!event!.startsWith("data: ")) continue;
        const update: PageUpdate = JSON.parse(event!.slice(6));
        this.data = updatedPage(this.data, update);
        return event!.length;
      }
      const { value, done } = await this.#reader.read();
      if (done) {
        this.isOver = true;
        return undefined;
      }
      this.#text += value;
    }
  }

  /** Reads until a condition holds. */
  async until(condition: (data: PageData) => unknown): Promise<PageData> {
    while (!this.data || !condition(this.data)) {
      assert.ok(await this.next(), "the events ended");
    }
    return this.data;
  }

  async [Symbol.asyncDispose]() {
    await this.#reader.cancel();
  }
}

Deno.test("the live page shows a run from before its beginning to its report", async () => {
  await using web = start();
  const html = await (await fetch(web.url)).text();
  assert.match(html, /^<!doctype html>/);
  assert.match(html, /data-events="events"/);
  const reporter = await open(web);
  await using page = await Page.open(web);
  reporter.start?.(runInfo);
  await page.until(({ info }) => info.run.id === runInfo.run.id);
  reporter.samples?.([sample({ id: 7 }), sample({ id: 8 })]);
  reporter.progress?.(SNAPSHOT);
  // The next update comes after a second, or with the end of the stage.
  reporter.stage?.(goodStage);
  await page.until(({ stages }) => stages[0]?.report);
  const [stage] = page.data!.stages;
  assert.deepEqual(stage?.report, shownData(goodStage));
  assert.deepEqual(stage?.details?.requests.map(({ id }) => id), [7, 8]);
  assert.equal(page.data!.progress, undefined);
  await reporter.report(oneStageReport);
  const { end } = await page.until(({ end }) => end);
  assert.equal(end?.interrupted, false);
  assert.equal(await page.next(), undefined, "the events end");
});

Deno.test("a page that is opened late, or again, receives everything so far", async () => {
  await using web = start();
  const reporter = await open(web);
  reporter.start?.(runInfo);
  reporter.samples?.([sample({ id: 1 })]);
  reporter.stage?.(goodStage);
  reporter.samples?.([sample({ id: 2, stage: 1 })]);
  reporter.progress?.({ ...SNAPSHOT, stage: 1 });
  for (let i = 0; i < 2; i++) {
    await using page = await Page.open(web);
    const { stages, progress } = await page.until(() => true);
    assert.deepEqual(stages[0]?.report, shownData(goodStage));
    assert.deepEqual(stages[1]?.details?.requests.map(({ id }) => id), [2]);
    assert.equal(progress?.inFlight, 8);
  }
});

Deno.test("a page that does not read holds up neither the run nor others", async () => {
  await using web = start();
  const reporter = await open(web);
  const { hostname, port } = new URL(web.url);
  const stuck = connect(Number(port), hostname);
  stuck.pause();
  stuck.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const message = "x".repeat(1900);
  const failure = { class: "closed", message };
  const outcome = { status: "error" as const, failure };
  reporter.start?.(runInfo);
  await using page = await Page.open(web);
  for (let stage = 0; stage < 30; stage++) {
    for (let id = 0; id < 300; id++) {
      reporter.samples?.([sample({ id, stage, outcome })]);
    }
    reporter.stage?.(goodStage);
    await page.until(({ stages }) => stages[stage]?.report);
  }
  assert.equal(page.data!.stages.length, 30);
  stuck.destroy();
});

Deno.test("requests for another host, or without the token, are refused", async () => {
  const status = async (url: string, host?: string) => {
    const { hostname, port, pathname } = new URL(url);
    const socket = await Deno.connect({ hostname, port: Number(port) });
    const request = `GET ${pathname} HTTP/1.1\r\nHost: ${host ?? "x"}\r\n\r\n`;
    await socket.write(new TextEncoder().encode(request));
    const buffer = new Uint8Array(1024);
    const text = new TextDecoder().decode(
      buffer.subarray(0, await socket.read(buffer) ?? 0),
    );
    socket.close();
    return Number(text.split(" ")[1]);
  };
  {
    await using web = start();
    for (const path of ["", "events", "unknown"]) {
      assert.equal(await status(`${web.url}${path}`, "evil.example:80"), 403);
    }
    assert.equal(await status(web.url, ""), 403);
    assert.equal(await status(web.url, "localhost:1"), 200);
    assert.equal(await status(`${web.url}unknown`, "[::1]:8090"), 404);
    const response = await fetch(web.url);
    await response.body?.cancel();
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    assert.equal(response.headers.get("content-encoding"), null);
    assert.match(response.headers.get("cache-control")!, /no-store/);
  }
  await using web = start("0.0.0.0:0");
  const [, token] = /^http:\/\/[^/]+\/([\da-f]{32})\/$/.exec(web.url)!;
  const origin = `http://127.0.0.1:${new URL(web.url).port}/`;
  assert.equal(await status(`${origin}${token}/`), 200);
  for (
    const wrong of ["", "events", `${"0".repeat(32)}/`, `${token}0/events`]
  ) {
    assert.equal(await status(`${origin}${wrong}`), 403, wrong);
  }
});

Deno.test("a port in use is an error, unless nobody asked for it", async () => {
  await using web = start();
  const { port } = new URL(web.url);
  assert.throws(() => start(port), {
    name: "UsageError",
    message:
      `--ui: cannot listen at port ${port} of 127.0.0.1; give another port, or 0 for a free one`,
  });
  const address = { ...parseWebAddress(port), isDefault: true };
  await using other = startWebView(address, { clock: systemClock() });
  assert.notEqual(new URL(other.url).port, port);
});

Deno.test("at most eight pages are open at a time, and a closed one makes room", async () => {
  await using web = start();
  await using stack = new AsyncDisposableStack();
  const first = await Page.open(web);
  for (let i = 0; i < 7; i++) stack.use(await Page.open(web));
  const events = new URL("events", web.url);
  const refused = await fetch(events);
  assert.equal(refused.status, 503);
  assert.equal(await refused.text(), "Too many pages are open\n");
  const head = await fetch(events, { method: "HEAD" });
  assert.equal(head.status, 405);
  await first[Symbol.asyncDispose]();
  // The server notices within some rounds of its event loop.
  let status = 503;
  while (status === 503) {
    const again = await fetch(events);
    status = again.status;
    await again.body?.cancel();
  }
  assert.equal(status, 200);
});

Deno.test("open pages end with a run that has no report", async () => {
  const web = start();
  const reporter = await open(web);
  await using page = await Page.open(web);
  reporter.start?.(runInfo);
  await page.until(() => true);
  await web[Symbol.asyncDispose]();
  while (await page.next()) continue;
  assert.equal(page.isOver, true);
  assert.equal(page.data?.end, undefined);
});
