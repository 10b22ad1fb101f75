// A dialect of another author, from a file and from a URL, in runs of the real program.

import assert from "node:assert/strict";
import type { Report } from "../plugins/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";
import { type Peer, scriptedServer } from "./support/scripted_server.ts";

/** Dialect with query parameters, a subprotocol, binary audio, results in JSON and a message that closes the stream. */
const DIALECT = `
import type { Definition, Dialect, DialectStep } from "@earshot/earshot/plugin";

type State = { readonly final: string };

const dialect: Dialect<State> = {
  path: "/v1/listen",
  sampleRateHz: 8000,
  encoding: "mulaw",
  handshake: ({ model }) => ({
    query: { model, encoding: "mulaw", sample_rate: "8000" },
    headers: { "x-client": "toy" },
    protocols: ["toy.v1"],
  }),
  start: () => ({ state: { final: "" }, events: [{ kind: "ready" }] }),
  receive(state, message): DialectStep<State> {
    const { type, transcript, is_final } = JSON.parse(String(message));
    if (type === "Metadata") {
      return { state, events: [{ kind: "done", text: state.final.trim() }] };
    }
    if (type !== "Results") return { state, events: [{ kind: "ignored", type }] };
    const text = state.final + " " + transcript;
    return {
      state: is_final ? { final: text } : state,
      events: [{ kind: "partial", text: text.trim(), mode: "replace" }],
    };
  },
  begin: () => [],
  append: (audio) => audio,
  end: () => ['{"type":"CloseStream"}'],
};

const definition: { kind: "dialect"; apiVersion: 1 } & Definition<"dialect"> = {
  kind: "dialect",
  apiVersion: 1,
  name: "toy",
  summary: "Binary audio, results in JSON",
  options: {
    "~standard": { version: 1, vendor: "a-stranger", validate: (value) => ({ value }) },
  },
  open: () => dialect,
};
export default definition;
`;

/** Answers each half second of audio with an interim result, and the end with two final ones. */
async function listen(peer: Peer): Promise<void> {
  let bytes = 0;
  for (;;) {
    const message = await peer.next();
    if (message.type === "CloseStream") break;
    assert.equal(message.type, "binary");
    bytes += Number(message.bytes);
    if (bytes % 4000 === 0) {
      peer.send({ type: "Results", transcript: "so far", is_final: false });
    }
  }
  peer.send(
    { type: "Results", transcript: "all", is_final: true },
    { type: "Results", transcript: `of ${bytes} bytes`, is_final: true },
    { type: "Metadata" },
  );
}

/** Runs two clips and checks the report. */
async function runWith(dialect: string): Promise<void> {
  await using server = await scriptedServer(listen);
  await using folder = await tempFolder();
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", `realtime,dialect="${dialect}",speed=20`],
    ...["--target", `ws://127.0.0.1:${server.port}`, "--model", "nova"],
    ...["--data", "clips", "--load", "concurrent=2", "--requests", "2"],
    ...["--report", "json=report.json"],
  ], { cwd: folder.path });
  assert.equal(code, 0, stderr);
  const report: Report = await readReport(folder.path, "report.json");
  assert.equal(report.stages[0]!.counts.ok, 2);
  assert.ok(report.stages[0]!.metrics.ttft, "interim results count as output");
  assert.equal(server.peers.length, 2);
  for (const { request: { url, headers }, received } of server.peers) {
    assert.equal(url, "/v1/listen?model=nova&encoding=mulaw&sample_rate=8000");
    assert.equal(headers["x-client"], "toy");
    assert.equal(headers["sec-websocket-protocol"], "toy.v1");
    assert.deepEqual(received.at(-1), { type: "CloseStream" });
    assert.deepEqual(received[0], { type: "binary", bytes: 800 });
  }
}

Deno.test("earshot runs a dialect from a file", async () => {
  await using folder = await tempFolder();
  const path = `${folder.path}/toy.ts`;
  await Deno.writeTextFile(path, DIALECT);
  await runWith(path);
});

Deno.test("earshot runs a dialect from a URL", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(DIALECT, {
        headers: { "content-type": "application/typescript" },
      }),
  );
  try {
    await runWith(`http://127.0.0.1:${server.addr.port}/toy.ts`);
  } finally {
    await server.shutdown();
  }
});

Deno.test("earshot names an unknown dialect and the nearest one", async () => {
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", "realtime,dialect=vlm", "--target", "ws://127.0.0.1:1"],
    ...["--data", "clips"],
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /dialect: unknown dialect "vlm"; did you mean "vllm"\?/);
});
