import assert from "node:assert/strict";
import { defaultTransport } from "../backends/realtime/realtime.ts";
import { nativeTransport } from "../backends/realtime/transports/native.ts";
import type {
  Transport,
  TransportOptions,
} from "../backends/realtime/transports/transport.ts";
import { wsTransport } from "../backends/realtime/transports/ws.ts";
import { systemClock } from "../core/clock.ts";
import { uniqueClip } from "./support/ground_truth_clips.ts";
import { printDistributions, quantile } from "./support/ground_truth_table.ts";
import { serve, type Serving } from "./support/serve.ts";

const TRIES = 20;

/** Messages at the start of a connection, which the system acknowledges at once. */
const EARLIER_TRIES = 5;
const PAUSE_MS = 50;

/** A server that answers delays its acknowledgements, which its answers then carry. */
const ANSWERS = 3;
const ANSWER_MS = 5;

/** A delayed acknowledgement takes at least 40 ms. */
const LIMIT_MS = 12;
const STALL_MS = 30;

Deno.test("the default transport delivers a commit after an append of 4 KB within a few ms", async () => {
  // Decoding takes so long that no delta acknowledges the append.
  await using server = await serve(["--set", "tokenMs=1000000"]);
  const byDefault = defaultTransport(Deno.build.os);
  const lags = new Map<string, number[]>();
  for (const [name, open] of Object.entries(TRANSPORTS)) {
    lags.set(name, await commitLags(server, open));
  }
  printDistributions("from send to the server's read, ms", lags);
  const defaultMs = quantile(lags.get(byDefault)!, 0.5);
  const aloneMs = quantile(lags.get("native alone")!, 0.5);
  assert.ok(defaultMs < LIMIT_MS, `${byDefault} takes ${defaultMs} ms`);
  if (aloneMs >= STALL_MS) assert.ok(defaultMs < aloneMs / 2);
});

type Open = (options: TransportOptions) => Transport | Promise<Transport>;

const TRANSPORTS: Record<string, Open> = {
  native: nativeTransport,
  ws: wsTransport,
  "native alone": nativeAlone,
};

/** Deno's WebSocket without a relay, whose delay the default transport avoids. */
function nativeAlone({ url }: TransportOptions): Transport {
  const gone: Promise<unknown>[] = [];
  return {
    connect(listener) {
      const socket = new WebSocket(url);
      socket.onopen = () => listener.opened();
      socket.onmessage = ({ data }) => listener.message(data, false);
      gone.push(new Promise((resolve) => socket.onclose = resolve));
      return {
        bufferedBytes: () => 0,
        send: (text) => socket.send(text),
        close: () => socket.close(1000),
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(gone);
    },
  };
}

/** Measures the latency of commits, each sent directly after an append, on one connection. */
async function commitLags(server: Serving, open: Open): Promise<number[]> {
  const clock = systemClock();
  await using transport = await open({
    url: new URL(`${server.wsUrl}/v1/realtime`),
    headers: {},
    tls: { rejectUnauthorized: true },
  });
  const created = Promise.withResolvers<string>();
  const socket = transport.connect({
    opened() {},
    message: (data) => created.resolve(JSON.parse(String(data)).id),
    closed: ({ code }) => created.reject(new Error(`Closed with ${code}`)),
  });
  const session = await created.promise;
  socket.send('{"type":"session.update","model":"earshot-reference"}');
  const sentMs: number[] = [];
  for (let i = 0; i < EARLIER_TRIES + TRIES; i++) {
    for (let n = 0; n < ANSWERS; n++) {
      await clock.sleepUntil(clock.now() + ANSWER_MS);
      socket.send(QUESTION);
    }
    await clock.sleepUntil(clock.now() + PAUSE_MS);
    socket.send(APPEND);
    sentMs.push(clock.epochMs + clock.now());
    socket.send(COMMIT);
  }
  await clock.sleepUntil(clock.now() + PAUSE_MS);
  const commits = (await server.log()).filter((entry) =>
    entry.session === session && entry.type === "input_audio_buffer.commit"
  );
  assert.equal(commits.length, sentMs.length);
  socket.close();
  return commits.map(({ atMs }, i) => atMs - sentMs[i]!).slice(EARLIER_TRIES);
}

/** A message that the server answers at once, with an error. */
const QUESTION = '{"type":"question"}';
const COMMIT = '{"type":"input_audio_buffer.commit","final":false}';

/** 100 ms of audio: 4.3 KB. */
const APPEND = JSON.stringify({
  type: "input_audio_buffer.append",
  audio: new Uint8Array(uniqueClip("commit", 0.1).buffer).toBase64(),
});
