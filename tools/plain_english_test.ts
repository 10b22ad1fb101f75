/**
 * Holds the project's English against phrases that make a reader translate. The list grows; nothing is taken off it.
 *
 * @module
 */
import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);

/** Phrases that must not come back, each with what to write instead. */
const PHRASES: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\b(tells?|told|telling)\b/i, "report, print, say or distinguish"],
  [/\bof (which|whom)\b/i, "a relative clause with the noun, or two sentences"],
  [/\b(is|are|was|were) none\b/i, "does not exist, is not a …"],
  [
    /\b(it|this|that|which|what) (is|are|was) no (?!longer\b)[a-z]/i,
    "is not a …",
  ],
  [/\b(stands?|stood|standing)\b(?! for\b)/i, "is, exists, is written"],
  [/\b(have|has|had) it that\b/i, "says that"],
  [/\bin the words of\b/i, "as … calls it"],
  [/\b(have|has|had|gets?) (its|their) turn\b/i, "runs"],
  [/\bas (it goes|they go)\b/i, "while it runs"],
  [/\b(hears?|heard)\b/i, "receives, recognizes"],
  [/\bsays of itself\b/i, "reports"],
  [/\bcurrent value is\b/, "but was"],
  [/["`]Cannot [^"`]* as /, "NAME must …, but was …"],
  [/\/\*\* (What|Who|Whom|Things|Something)\b/, "a noun: what the thing is"],
  [/^ *\* (Who|Things|Something)\b/, "a noun: what the thing is"],
  [/\b(amiss|therein|hereby|whereupon|anew|forthwith)\b/i, "plain words"],
  [/\bby way of\b/i, "with, through"],
  [/\bmakes something of\b/i, "handles, reads"],
];

/** Files that are written by people, and not by us: wire formats, licences, recorded bytes. */
const SKIPPED =
  /(^|\/)(\.|clips\/README|testdata\/|goldens\/|dist\/|coverage\/)|LICENSE/;

interface Found {
  readonly place: string;
  readonly phrase: string;
  readonly instead: string;
}

function phrasesIn(path: string, text: string): Found[] {
  return text.split("\n").flatMap((line, i) =>
    PHRASES.flatMap(([phrase, instead]) => {
      const match = line.match(phrase);
      return match
        ? [{ place: `${path}:${i + 1}`, phrase: match[0], instead }]
        : [];
    })
  );
}

async function* pages(folder: string): AsyncIterable<string> {
  for await (const entry of Deno.readDir(new URL(folder || ".", ROOT))) {
    const path = folder + entry.name;
    if (SKIPPED.test(path) || path === "tools/plain_english_test.ts") continue;
    if (entry.isDirectory) yield* pages(`${path}/`);
    else if (/\.(ts|md)$/.test(path)) yield path;
  }
}

Deno.test("phrasesIn() finds a phrase with its line and what to write instead", () => {
  assert.deepEqual(phrasesIn("a.ts", "// One.\n/** What a stage lets. */"), [{
    place: "a.ts:2",
    phrase: "/** What",
    instead: "a noun: what the thing is",
  }]);
  assert.deepEqual(phrasesIn("a.ts", "// NDJSON stands for lines."), []);
});

Deno.test("no page and no file of code makes a reader translate", async () => {
  const found: Found[] = [];
  let files = 0;
  for await (const path of pages("")) {
    files++;
    found.push(
      ...phrasesIn(path, await Deno.readTextFile(new URL(path, ROOT))),
    );
  }
  assert.ok(files > 300, "the walk found the project");
  assert.deepEqual(found, []);
});
