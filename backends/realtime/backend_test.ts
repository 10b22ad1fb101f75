import assert from "node:assert/strict";
import {
  created,
  delta,
  done,
  finalCommit,
  scriptedServer,
} from "./testing/scripted_server.ts";
import { transcribeOnce } from "./testing/transcribe_test.ts";

for (const transport of ["native", "ws"] as const) {
  Deno.test(`realtime() streams deltas and done over ${transport}`, async () => {
    await using server = await scriptedServer(async (peer) => {
      peer.send(created);
      await peer.until("input_audio_buffer.append");
      peer.send(delta("hi"));
      await finalCommit(peer);
      peer.send(done("hi"));
    });
    const sample = await transcribeOnce({
      target: server.url,
      transport,
      chunkMs: 20,
    });
    assert.deepEqual(sample.outcome, { status: "ok" });
    assert.deepEqual(sample.output, {
      text: "hi",
      usage: { inputTokens: 5, outputTokens: 1 },
    });
  });
}
