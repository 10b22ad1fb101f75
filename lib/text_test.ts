import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { JoinedText, nearest, quotedNames, StrictUtf8 } from "./text.ts";

/** The text of bytes that come in pieces; `undefined` if any are invalid. */
function decoded(bytes: Buffer, cuts: readonly number[]): string | undefined {
  const decoder = new StrictUtf8();
  const places = cuts.map((cut) => cut % (bytes.length + 1))
    .toSorted((a, b) => a - b);
  let whole = "";
  for (const [i, to] of [...places, bytes.length].entries()) {
    const { text, broken } = decoder.read(
      bytes.subarray(places[i - 1] ?? 0, to),
    );
    if (broken !== undefined) return undefined;
    whole += text;
  }
  return decoder.end() === "" ? whole : undefined;
}

/** The text that the platform's own decoder returns. */
function known(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const cuts = fc.array(fc.nat(200), { maxLength: 8 });

Deno.test("StrictUtf8 decodes any text however it is cut, U+FFFD included", () => {
  const text = fc.string({ unit: "binary", maxLength: 30 })
    .map((text) => `${text}\uFFFD${text}`.toWellFormed());
  fc.assert(fc.property(text, fc.boolean(), cuts, (text, hasMark, cuts) => {
    const bytes = Buffer.from((hasMark ? "\uFEFF" : "") + text);
    assert.equal(decoded(bytes, cuts), known(bytes));
  }));
});

Deno.test("StrictUtf8 finds invalid bytes however they are cut", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 6 }).map((text) =>
      new Uint8Array(Buffer.from(text))
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), cuts, (parts, cuts) => {
      const bytes = Buffer.concat(parts);
      assert.equal(decoded(bytes, cuts), known(bytes));
    }),
    { numRuns: 500 },
  );
});

Deno.test("StrictUtf8 returns the text before a broken line, and decodes the rest with replacements", () => {
  const bytes = Buffer.concat([
    Buffer.from("\uFFFD a\nb\r"),
    Buffer.from([0x63, 0xff, 0x0a]),
    Buffer.from("d"),
  ]);
  assert.deepEqual(new StrictUtf8().read(bytes), {
    text: "\uFFFD a\nb\r",
    broken: "c\uFFFD\nd",
  });
});

Deno.test("JoinedText returns the text of all pieces at any time", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary" }), { maxLength: 3000, size: "max" }),
      fc.nat(3000),
      (pieces, early) => {
        const text = new JoinedText();
        for (const [i, piece] of pieces.entries()) {
          if (i === early) {
            assert.equal(String(text), pieces.slice(0, i).join(""));
          }
          text.add(piece);
        }
        assert.equal(String(text), pieces.join(""));
        assert.equal(String(text), pieces.join(""));
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("JoinedText takes a few bytes for each short piece", () => {
  const before = Deno.memoryUsage().heapUsed;
  const texts = Array.from({ length: 10 }, () => new JoinedText());
  for (let i = 0; i < 2_000_000; i++) texts[i % 10]!.add(`w${i % 1000} `);
  const bytes = Deno.memoryUsage().heapUsed - before;
  assert.equal(texts.map(String).join("").length, 9_780_000);
  // With `+=` it is some 110 MB.
  assert.ok(bytes < 60e6, `${bytes} bytes for 10 MB of text`);
});

Deno.test("nearest() finds the candidate that was meant, if one is near", () => {
  const names = ["dialect", "speed", "chunkMs", "transport", "apiKeyEnv"];
  const cases: [string, string | undefined][] = [
    ["dialekt", "dialect"],
    ["Speed", "speed"],
    ["sped", "speed"],
    ["chunk", "chunkMs"],
    ["chunkms", "chunkMs"],
    ["transprot", "transport"],
    ["apiKey", "apiKeyEnv"],
    ["banana", undefined],
    ["x", undefined],
    ["", undefined],
  ];
  for (const [name, found] of cases) {
    assert.equal(nearest(name, names), found, name);
  }
});

Deno.test("nearest() gives a candidate that is not the name itself, or nothing", () => {
  fc.assert(
    fc.property(fc.string(), fc.uniqueArray(fc.string()), (name, names) => {
      const found = nearest(name, names);
      assert.ok(found === undefined || names.includes(found));
      assert.equal(nearest(name, [name, ...names]), undefined);
    }),
  );
});

Deno.test("quotedNames() shows at most 20 names", () => {
  assert.equal(quotedNames(["a", 'b"']), '"a", "b\\""');
  const many = Array.from({ length: 21 }, (_, i) => `${i}`);
  assert.match(quotedNames(many), /^"0", .*, "19", …$/);
});
