import assert from "node:assert/strict";
import { shownTo, showRequest } from "./trace_exchange.ts";

function tracing() {
  const seen: string[] = [];
  const trace = {
    sent: (text: string) => void seen.push(`sent ${text}`),
    received: (text: string) => void seen.push(`received ${text}`),
    note: (text: string) => void seen.push(`note ${text}`),
  };
  return { trace, seen };
}

const url = new URL("http://a/v1/x?key=s3cret%2F");

Deno.test("showRequest() shows JSON as text or bytes, of anything else how long it is, and no query", () => {
  const { trace, seen } = tracing();
  const contentType = "application/json";
  showRequest(trace, { url, contentType, body: '{"a":"é"}' });
  const body = new TextEncoder().encode('{"b":"é"}');
  showRequest(trace, { url, contentType, body });
  const form = "multipart/form-data; boundary=b";
  showRequest(trace, { url, contentType: form, body });
  assert.deepEqual(seen, [
    "note POST /v1/x: 10 bytes of application/json",
    'sent {"a":"é"}',
    "note POST /v1/x: 10 bytes of application/json",
    'sent {"b":"é"}',
    "note POST /v1/x: 10 bytes of multipart/form-data",
  ]);
});

Deno.test("shownTo() shows each event with its type, and whole answers, and changes nothing", () => {
  const { trace, seen } = tracing();
  const read: unknown[] = [];
  const reader = shownTo(trace, {
    event: (event, atMs) => read.push([event.data, atMs]) > 1,
    body: (text, atMs) => void read.push([text, atMs]),
    result: () => ({ text: "t" }),
  });
  assert.equal(reader.event({ data: "a" }, 1), false);
  assert.equal(reader.event({ type: "error", data: "b" }, 2), true);
  reader.body("c", 3);
  assert.deepEqual(reader.result(), { text: "t" });
  assert.deepEqual(read, [["a", 1], ["b", 2], ["c", 3]]);
  assert.deepEqual(seen, ["received a", "received error: b", "received c"]);
});
