import { chat, type InferenceRequest } from "../../mod.ts";
import { abortedBy } from "../../plugins/testing/backend.ts";
import type { Clock } from "../../core/clock.ts";
import type { Counts } from "./bare_client.ts";
import { type HttpJob, PROMPT, type Scenario } from "./scenario.ts";

/** Sends chats with the backend alone: one request after another on each stream, without engine, samples or report. */
export async function startBackend(
  { target, scenario: name }: HttpJob,
  { concurrency, stream }: Scenario,
  { clock, counts }: { clock: Clock; counts: Counts },
): Promise<() => Promise<void>> {
  const over = new AbortController();
  const { signal } = over;
  const backend = await chat({
    target: `${target}/${name}`,
    model: "bench",
    healthPath: "off",
    stream,
  }).open({ env: () => undefined, warn: console.error, signal });
  const turn = { columns: { text: PROMPT } };
  const session = { id: "bench", turn: 0, history: [] };
  const call = {
    ...abortedBy(signal),
    clock,
    read: (_bytes: number, atMs = clock.now()) => atMs,
    event: () => void counts.events++,
    output(atMs: number, { text }: { text?: string }) {
      if (name === "paced") counts.delay(clock.epochMs + atMs - Number(text));
    },
    buffered() {},
    mark() {},
    ended() {},
    retried() {},
    sendWaited() {},
    arrived() {},
    waitingSince: () => 0,
    audioSent() {},
  };

  async function send(): Promise<void> {
    while (!signal.aborted) {
      const prepared = await backend.prepare!(turn, signal);
      const request: InferenceRequest = { id: 0, turn, prepared, session };
      await backend.send(request, call);
      counts.requests++;
    }
  }

  const streams = Array.from(
    { length: concurrency },
    () =>
      send().catch((error) => {
        if (!signal.aborted) throw error;
      }),
  );
  return async () => {
    over.abort();
    await Promise.all(streams);
    await backend[Symbol.asyncDispose]?.();
  };
}
