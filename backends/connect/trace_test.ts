import assert from "node:assert/strict";
import { shortened, traceTo } from "./trace.ts";

Deno.test("shortened() tells media by its beginning and length, and leaves words alone", () => {
  const audio = new Uint8Array(3200).fill(1).toBase64();
  assert.equal(
    shortened(JSON.stringify({ type: "x", audio })),
    '{"type":"x","audio":"AQEB…(4268 base64 chars)"}',
  );
  assert.equal(
    shortened(JSON.stringify({ url: `data:audio/x-wav;base64,${audio}` })),
    '{"url":"data:audio/x-wav;base64,AQEB…(4268 base64 chars)"}',
  );
  const words = JSON.stringify({ text: "many words ".repeat(50) });
  assert.equal(shortened(words), words);
});

Deno.test("traceTo() is nothing where nobody looks", () => {
  assert.equal(traceTo({}, (text) => text), undefined);
});
