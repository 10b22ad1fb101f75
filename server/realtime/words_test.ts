import assert from "node:assert/strict";
import { bundledClips } from "../../clips/mod.ts";
import { startServer } from "../mod.ts";
import { clipSamples } from "../../tests/support/files.ts";
import {
  append,
  appendOf,
  connectClient,
  final,
  start,
  type TestEvent,
  update,
} from "../../tests/support/websocket_client.ts";

const textOf = (events: readonly TestEvent[]) =>
  events.map(({ delta }) => delta ?? "").join("");

Deno.test("startServer() returns the words of every bundled clip", async () => {
  await using server = await startServer({ tokenMs: 0 });
  for (const clip of bundledClips) {
    await using client = await connectClient(`${server.url}/v1/realtime`);
    const samples = await clipSamples(clip);
    client.send(update());
    client.send(start);
    for (let i = 0; i < samples.length; i += 1600) {
      client.send(appendOf(samples.slice(i, i + 1600)));
    }
    client.send(final);
    const events = await client.until("transcription.done");
    assert.equal(events.at(-1)!.text, clip.transcript);
    assert.equal(textOf(events), clip.transcript);
  }
});

Deno.test("startServer() sends a word once its audio and the delay have passed", async () => {
  const clip = bundledClips[0]!;
  const samples = await clipSamples(clip);
  for (const delayMs of [480, 960]) {
    await using server = await startServer({ tokenMs: 0, delayMs });
    await using client = await connectClient(`${server.url}/v1/realtime`);
    client.send(update());
    client.send(start);
    await client.settled();
    let words = 0;
    for (let i = 0; i < samples.length; i += 320) {
      client.send(appendOf(samples.slice(i, i + 320)));
      const audioMs = (i + 320) / 16;
      for (const { delta } of await client.settled()) {
        if (delta === "") continue;
        const late = audioMs - (clip.words[words++]!.endMs + delayMs);
        assert.ok(late >= 0 && late <= 120, `${delta}: ${late}`);
      }
    }
    assert.ok(words > 0);
  }
});

Deno.test("startServer() takes compute time for each token, and for those after the audio", async () => {
  await using server = await startServer({ tokenMs: 3, finalTokenMs: 6 });
  await using client = await connectClient(`${server.url}/v1/realtime`);
  for (const event of [update(), start, append(1000), final]) {
    client.send(event);
  }
  await client.until("transcription.done");
  const log = server.log();
  const at = (type: string) => log.find((entry) => entry.type === type)!.atMs;
  const spentMs = at("transcription.done") - at("input_audio_buffer.append");
  assert.ok(spentMs >= 6 * 3 + 17 * 6 - 1, `${spentMs}`);
});

Deno.test("startServer() varies each word's delay by its jitter, in order", async () => {
  const clip = bundledClips[0]!;
  const samples = await clipSamples(clip);
  const counts = async (jitterMs: number) => {
    await using server = await startServer({ tokenMs: 0, jitterMs });
    await using client = await connectClient(`${server.url}/v1/realtime`);
    for (const event of [update(), start, appendOf(samples), final]) {
      client.send(event);
    }
    const events = await client.until("transcription.done");
    assert.equal(events.at(-1)!.text, clip.transcript);
    return events.flatMap(({ delta }, i) => delta ? [i] : []);
  };
  assert.notDeepEqual(await counts(300), await counts(0));
  assert.deepEqual(await counts(300), await counts(300));
});

Deno.test("startServer() puts the segment's prefix before its words", async () => {
  const segmentPrefix = "language English<asr_text>";
  await using server = await startServer({
    mode: "segments",
    tokenMs: 0,
    segmentPrefix,
  });
  await using client = await connectClient(`${server.url}/v1/realtime`);
  for (const event of [update(), start, append(6000), final]) {
    client.send(event);
  }
  const { text } = (await client.until("transcription.done")).at(-1)!;
  assert.equal((text as string).split(segmentPrefix).length, 3);
});

Deno.test("startServer() makes word errors at the rate that is set", async () => {
  await using server = await startServer({ tokenMs: 0, wordErrorRate: 1 });
  const clip = bundledClips[0]!;
  await using client = await connectClient(`${server.url}/v1/realtime`);
  const samples = await clipSamples(clip);
  for (const event of [update(), start, appendOf(samples), final]) {
    client.send(event);
  }
  const { text } = (await client.until("transcription.done")).at(-1)!;
  const said = (text as string).split(" ");
  assert.ok(said.length > 0 && text !== clip.transcript);
});
