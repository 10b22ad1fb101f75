import { nativeTransport } from "../../backends/realtime/transports/native.ts";
import type { Socket } from "../../backends/realtime/transports/transport.ts";
import { wsTransport } from "../../backends/realtime/transports/ws.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { Column } from "../../core/metrics/column.ts";
import { denoHost } from "../../plugins/host.ts";
import { noise } from "./chunk.ts";
import type { ClientFigures, ClientJob } from "./client_job.ts";

/** Numbers of messages. */
interface Counts {
  sent: number;
  received: number;
}

/**
 * Streams with the least work that a client can do: one timer sends the same string on one connection after another,
 * and messages are counted, not read.
 */
export async function bareClient(job: ClientJob): Promise<ClientFigures> {
  const { chunkMs, warmupMs, windowMs } = job;
  const clock = systemClock();
  const host = denoHost();
  const counts: Counts = { sent: 0, received: 0 };
  const endMs = warmupMs + windowMs;
  await using transport = await openTransport(job);
  const sockets = await connectAll(transport.connect, job.streams, counts);
  let lateness = new Column();
  let windowed = false;
  const stop = wheel(clock, sockets, {
    chunkMs,
    sent(lateMs) {
      counts.sent++;
      if (windowed) lateness.add(lateMs);
    },
  });
  await clock.sleepUntil(warmupMs);
  const before = { ...counts, cpuMs: host.cpuMs() };
  windowed = true;
  lateness = new Column();
  let rssBytes = 0;
  for (let atMs = warmupMs; atMs < endMs; atMs += 1000) {
    await clock.sleepUntil(Math.min(atMs + 1000, endMs));
    rssBytes = Math.max(rssBytes, host.rssBytes());
  }
  const after = { ...counts, cpuMs: host.cpuMs() };
  stop();
  return {
    sent: after.sent - before.sent,
    received: after.received - before.received,
    cpuMs: after.cpuMs - before.cpuMs,
    rssBytes,
    latenessMs: lateness.summary()!,
  };
}

async function openTransport({ target, transport }: ClientJob) {
  const open = transport === "native" ? nativeTransport : wsTransport;
  return await open({
    url: new URL(`${target.replace(/^http/, "ws")}/v1/realtime`),
    headers: {},
    tls: { rejectUnauthorized: true },
  });
}

type Connect = Awaited<ReturnType<typeof openTransport>>["connect"];

/** Opens all connections. Resolves when the server has sent a message on each. */
async function connectAll(
  connect: Connect,
  streams: number,
  counts: Counts,
): Promise<Socket[]> {
  return await Promise.all(Array.from({ length: streams }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const socket = connect({
      opened() {},
      message() {
        counts.received++;
        resolve(socket);
      },
      closed: ({ code }) => reject(new Error(`closed with ${code}`)),
    });
    return promise;
  }));
}

/** Sends a chunk on each socket every `chunkMs`, spread evenly over that time. Returns a function that stops it. */
function wheel(
  clock: Clock,
  sockets: readonly Socket[],
  { chunkMs, sent }: { chunkMs: number; sent: (lateMs: number) => void },
): () => void {
  const message = JSON.stringify({
    type: "input_audio_buffer.append",
    audio: new Uint8Array(noise(chunkMs).buffer).toBase64(),
  });
  const stepMs = chunkMs / sockets.length;
  const startMs = clock.now();
  let turn = 0;
  let timer = setTimeout(send, 0);
  function send(): void {
    let nowMs = clock.now();
    for (let dueMs; (dueMs = startMs + turn * stepMs) <= nowMs; turn++) {
      sent(nowMs - dueMs);
      sockets[turn % sockets.length]!.send(message);
      nowMs = clock.now();
    }
    timer = setTimeout(send, startMs + turn * stepMs - nowMs);
  }
  return () => clearTimeout(timer);
}
