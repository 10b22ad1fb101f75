import assert from "node:assert/strict";
import { opusPacketSamples } from "./opus_packet.ts";

Deno.test("opusPacketSamples() follows the tables of RFC 6716", () => {
  const packets: readonly (readonly [number[], number])[] = [
    [[0 << 3], 480], // SILK, 10 ms
    [[3 << 3], 2880], // SILK, 60 ms
    [[12 << 3], 480], // hybrid, 10 ms
    [[15 << 3 | 1], 1920], // hybrid, two of 20 ms
    [[16 << 3], 120], // CELT, 2.5 ms
    [[31 << 3 | 2], 1920], // CELT, two of 20 ms
    [[31 << 3 | 3, 0x80 | 5], 4800], // CELT, five of 20 ms, with flags
    [[], 0],
  ];
  for (const [packet, samples] of packets) {
    assert.equal(opusPacketSamples(Uint8Array.from(packet)), samples);
  }
});
