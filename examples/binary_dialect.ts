// A dialect for a server that receives audio in binary frames and sends JSON, as Deepgram's streaming API does.
//   earshot run --backend realtime,dialect=./examples/binary_dialect.ts --target ws://127.0.0.1:9000 --model base
import { z } from "zod";
import { defineDialect, type Dialect, jsonObject } from "../plugins/mod.ts";

/** The final part of the transcript. */
type State = string;

const SAMPLE_RATE = 16_000;

const dialect: Dialect<State> = {
  path: "/v1/listen",
  sampleRateHz: SAMPLE_RATE,
  handshake: ({ model }) => ({
    query: { model, encoding: "linear16", sample_rate: String(SAMPLE_RATE) },
  }),
  start: () => ({ state: "", events: [{ kind: "ready" }] }),
  receive(state, message) {
    const { type, text, isFinal } = jsonObject(message);
    switch (type) {
      case "Results": {
        const whole = `${state} ${text}`.trim();
        return {
          state: isFinal ? whole : state,
          events: [{ kind: "partial", text: whole, mode: "replace" }],
        };
      }
      case "Finalized":
        return { state: "", events: [{ kind: "done", text: state }] };
      case "Error":
        return { state, events: [{ kind: "error", message: String(text) }] };
      default:
        return { state, events: [{ kind: "ignored", type: String(type) }] };
    }
  },
  begin: () => [],
  append: (audio) => audio,
  end: () => [JSON.stringify({ type: "Finalize" })],
};

export default defineDialect({
  name: "binary",
  summary: "Binary audio frames, and results in JSON",
  options: z.strictObject({}),
  open: () => dialect,
});
