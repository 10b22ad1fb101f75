// Servers and proxies that close connections at the wrong moment: whole runs.

import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { chat, concurrent, repeat, type Report } from "../mod.ts";
import { closingServer } from "./support/closing_server.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, samplesIn, tempFolder } from "./support/files.ts";
import { sampled } from "./support/sampled.ts";

const NO_QUESTIONS = { model: "m", healthPath: "off", tokenize: false };

Deno.test("no request fails against a server that closes each connection after its response", async () => {
  using server = await closingServer();
  const { report: { stages: [stage] }, samples } = await sampled({
    backend: chat({ target: server.url, ...NO_QUESTIONS }),
    dataset: repeat({ text: "hello there" }),
    load: concurrent({ streams: [4] }),
    stop: { requests: 400 },
  });
  const { counts } = stage!;
  assert.deepEqual([counts.ok, counts.failures], [400, {}]);
  for (const { retried, outcome, output, marks, dispatchedMs } of samples) {
    assert.equal(outcome.status, "ok");
    assert.equal(output.text, "word word word word word ");
    assert.ok(retried === undefined || retried === 1);
    const { connected = dispatchedMs, requestSent } = marks;
    assert.ok(connected >= dispatchedMs);
    assert.ok(requestSent! >= connected);
  }
  // Only the first request of each stream has a connection that was opened ahead.
  const ahead = samples.filter(({ marks }) => marks.connected === undefined);
  assert.ok(ahead.length <= 4, `${ahead.length}`);
  const retried = samples.filter(({ retried }) => retried === 1).length;
  assert.equal(counts.retried, retried);
  // A request that crosses the close is never read.
  const { requests, connections } = await server.seen();
  assert.equal(requests, 400);
  assert.equal(connections, 400);
});

Deno.test("run counts retried requests in every report", async () => {
  await using folder = await tempFolder();
  // It closes each connection after three requests, without notice.
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let requests = 0;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", () => {
      if (++requests > 3) return void socket.destroy();
      const body = JSON.stringify({
        choices: [{
          index: 0,
          message: { content: "hi" },
          finish_reason: "stop",
        }],
      });
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { code, stdout, stderr } = await earshot([
    "run",
    ...["--backend", "chat,stream=false,model=m,healthPath=off,tokenize=false"],
    ...["--target", `http://127.0.0.1:${port}`, "--data", "repeat=hello"],
    ...["--load", "concurrent=1", "--requests", "13", "--report", "console"],
    ...["--report", "json=out.json", "--report", "jsonl=samples.jsonl"],
    ...["--report", "csv=stages.csv", "--report", "csv=all.csv,rows=requests"],
  ], { cwd: folder.path });
  for (const socket of sockets) socket.destroy();
  server.close();
  assert.ok(code === 0 || code === 4, stdout + stderr);
  const { stages: [stage] }: Report = await readReport(folder.path, "out.json");
  assert.deepEqual([stage!.counts.ok, stage!.counts.retried], [13, 4]);
  assert.match(
    stdout,
    /retried +4 requests sent again, after a closed connection or a refusal/,
  );
  const samples = await samplesIn(folder.at("samples.jsonl"));
  assert.deepEqual(
    samples.map(({ retried }) => retried),
    samples.map(({ id }) => id > 0 && id % 3 === 0 ? 1 : undefined),
  );
  const column = async (file: string, name: string) => {
    const [head = "", ...rows] = (await Deno.readTextFile(
      join(folder.path, file),
    )).trim().split("\r\n");
    const at = head.split(",").indexOf(name);
    assert.ok(at >= 0);
    return { at, rows };
  };
  assert.equal((await column("all.csv", "retried")).rows.length, 13);
  const { at, rows: [row = ""] } = await column("stages.csv", "counts.retried");
  // No cell before it has a comma but the load, which is quoted.
  assert.equal(row.replace(/"[^"]*(""[^"]*)*"/g, "x").split(",")[at], "4");
});

Deno.test("run pauses if a proxy reads CONNECT and closes, and counts every connection", async () => {
  await using folder = await tempFolder();
  let connects = 0;
  const proxy = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      connects++;
      socket.end();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", "chat,model=m,healthPath=off,tokenize=false"],
    ...["--target", "https://h.invalid", "--data", "repeat=hello"],
    ...["--load", "concurrent=1", "--duration", "2s"],
    ...["--report", "json=out.json"],
  ], {
    cwd: folder.path,
    env: { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "" },
  });
  await new Promise((resolve) => proxy.close(resolve));
  assert.equal(code, 1, stderr);
  const { stages: [stage] }: Report = await readReport(folder.path, "out.json");
  // The first attempt was to open a connection ahead of the stage.
  assert.deepEqual(stage!.counts.failures, { connect_error: connects - 1 });
  // 100, 200, 400, 800 and 1000 ms lie between them.
  assert.ok(connects >= 2 && connects <= 7, `${connects}`);
});
