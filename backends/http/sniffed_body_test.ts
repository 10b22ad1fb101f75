import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Body, MAX_BYTES } from "./body.ts";
import { sniffedBody } from "./sniffed_body.ts";

/** What a body was read as, with the time of each read that it was given. */
function sniff(reads: readonly (string | Uint8Array)[]) {
  const seen: { kind?: string; text: string; times: number[] } = {
    text: "",
    times: [],
  };
  const bodyOf = (kind: string): Body => {
    assert.equal(seen.kind, undefined);
    seen.kind = kind;
    return {
      read(bytes, atMs) {
        seen.text += bytes.toString("latin1");
        seen.times.push(atMs);
        return false;
      },
      end: () => {},
    };
  };
  const body = sniffedBody({
    events: () => bodyOf("events"),
    whole: () => bodyOf("whole"),
  });
  reads.forEach((bytes, i) => body.read(Buffer.from(bytes as string), i));
  const early = seen.kind;
  body.end();
  return { ...seen, early };
}

const STREAMS = [
  "data: x\n\n",
  "data:x",
  "event: message\ndata: x\n\n",
  "id: 1\ndata: x",
  "retry: 5\n\n",
  ": ping\n\n",
  ":\n",
  "\r\n\n\r: ok\n\n",
  "\uFEFFdata: x",
  "\uFEFF\n\ndata: x",
];

const OTHERS = [
  "",
  "\n\n\n",
  "{}",
  '\n\n{"data: ":1}',
  "data",
  "dat",
  "date: 1",
  "Data: x",
  "evening",
  " data: x",
  "\uFEFF",
  "\uFEFF{}",
  "\n\uFEFFdata: x",
  "The data: x",
  '"data: x"',
];

for (const [kind, texts] of [["events", STREAMS], ["whole", OTHERS]] as const) {
  Deno.test(`sniffedBody() reads a body as ${kind}, wherever it is cut`, () => {
    for (const text of texts) {
      const bytes = Buffer.from(text);
      for (const reads of [[bytes], [...bytes].map((b) => Uint8Array.of(b))]) {
        assert.equal(sniff(reads).kind, kind, JSON.stringify(text));
      }
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(fc.nat(20), { maxLength: 5 }),
        (text, cuts) => {
          const bytes = Buffer.from(text);
          const places = [...cuts.map((cut) => cut % (bytes.length + 1))]
            .sort((a, b) => a - b);
          const reads = [...places, bytes.length].map((to, i) =>
            bytes.subarray(places[i - 1] ?? 0, to)
          );
          assert.equal(sniff(reads).kind, kind);
        },
      ),
    );
  });
}

Deno.test("sniffedBody() decides with the first byte that tells, and keeps the time of each read", () => {
  const split = sniff(["da", "ta", ": x\n", "\n"]);
  assert.deepEqual(split, {
    kind: "events",
    early: "events",
    text: "data: x\n\n",
    times: [0, 1, 2, 3],
  });
  assert.deepEqual(sniff(["\n", "\n", ":"]).times, [2]);
  assert.deepEqual(sniff(["d", "ate"]).times, [0, 1]);
});

Deno.test("sniffedBody() loses no bytes but blank lines before all else", () => {
  assert.equal(sniff(["\n", '\n{"a"', ":1}\n"]).text, '\n{"a":1}\n');
  assert.equal(sniff(["data"]).text, "data");
});

Deno.test("sniffedBody() refuses blank lines without an end", () => {
  const body = sniffedBody({
    events: () => assert.fail(),
    whole: () => assert.fail(),
  });
  const piece = Buffer.alloc(MAX_BYTES / 8, "\n");
  for (let i = 0; i < 8; i++) body.read(piece, i);
  assert.throws(() => body.read(piece, 8), { class: "too_large" });
});
