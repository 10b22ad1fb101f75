import assert from "node:assert/strict";
import { UsageError } from "../plugins/mod.ts";
import { csvManifest } from "./text.ts";
import {
  readAll,
  summaryOf,
  tempFolder,
  tone,
} from "../tests/support/datasets.ts";

/** Text in bytes of one character each. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (each) => each.charCodeAt(0));
}

Deno.test("csvManifest() reads a header, a byte order mark and quoted line breaks", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "b.wav": tone(100),
    "m.csv":
      '\uFEFFID,Audio,Transcript\r\nx,a.wav,"one,\r\n""two"""\r\ny,b.wav,\r\n',
  });
  const sessions = await readAll(csvManifest({ path: folder.at("m.csv") }));
  assert.deepEqual(summaryOf(sessions), [["x", 'one,\r\n"two"'], ["y", ""]]);
});

Deno.test("csvManifest() reads Common Voice's tables, quotes and all", async () => {
  const bytes = tone(100);
  await using folder = await tempFolder({
    "clips/1.wav": bytes,
    "clips/2.wav": bytes,
    "validated.tsv":
      `client_id\tpath\tsentence\n9f\t1.wav\tHe said "no", twice.\n9f\t2.wav\t"Yes" she said.\n`,
    "open.tsv": `path\tsentence\n1.wav\t"An open quote\n2.wav\tand the next\n`,
  });
  const root = folder.at("clips");
  const path = folder.at("validated.tsv");
  assert.deepEqual(summaryOf(await readAll(csvManifest({ path, root }))), [
    ["validated.tsv:2", 'He said "no", twice.'],
    ["validated.tsv:3", '"Yes" she said.'],
  ]);
  const open = csvManifest({ path: folder.at("open.tsv"), root, quote: "" });
  assert.deepEqual(summaryOf(await readAll(open)), [
    ["open.tsv:2", '"An open quote'],
    ["open.tsv:3", "and the next"],
  ]);
});

Deno.test("csvManifest() reads another delimiter", async () => {
  await using folder = await tempFolder({
    "m.csv": "prompt;reference\na,b;c\n",
  });
  const sessions = await readAll(
    csvManifest({ path: folder.at("m.csv"), delimiter: ";" }),
  );
  assert.deepEqual(sessions[0]?.turns, [{
    columns: { text: "a,b", reference: "c" },
  }]);
});

Deno.test("csvManifest() reports a record that cannot be used by its line and continues", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "m.csv": 'audio,text\na.wav,"x\ny"\ngone.wav,b\n,c\na.wav,d\n',
  });
  const sessions = await readAll(csvManifest({ path: folder.at("m.csv") }));
  const lines = sessions.map(({ id, problem }) =>
    problem && /m\.csv:(\d+)/.exec(id)?.[1]
  );
  assert.deepEqual(lines, [undefined, "4", "5", undefined]);
});

Deno.test("csvManifest() refuses bad manifests before the run", async () => {
  await using folder = await tempFolder({
    "header.csv": "audio,text\n",
    "quote.csv": 'audio,text\na.wav,"b\n',
    "semicolons.csv": "audio;text\na.wav;b\n",
    "behind.csv": 'audio,text\na.wav,"b" c\n',
    "latin1.csv": latin1("prompt\nCaf\xe9\n"),
    "latin1_header.csv": latin1("prompt,d\xe9j\xe0\nfine,x\n"),
    "utf16.csv": new Uint8Array(
      Uint16Array.from("\ufeffprompt\nfine\n", (each) => each.charCodeAt(0))
        .buffer,
    ),
    "utf16_unmarked.csv": "prompt\nfine\n".replaceAll(/./gs, "$&\0"),
  });
  const expected = {
    "header.csv": /the file has no records below its header$/,
    "quote.csv": /quote\.csv:\d: each quote must be closed, but one is open/,
    "behind.csv":
      /behind\.csv:2: a closing quote must end its cell, but one has more text behind it$/,
    "latin1.csv":
      /latin1\.csv:2: each cell must be text in UTF-8, but cell 1 has other bytes$/,
    "latin1_header.csv": /header\.csv:1: each cell must be text in UTF-8/,
    "utf16.csv": /utf16\.csv: the file must be UTF-8, but was UTF-16$/,
    "utf16_unmarked.csv": /:1: each cell must be .* has a zero byte$/,
    "semicolons.csv": /its columns are "audio;text"/,
  };
  for (const [name, message] of Object.entries(expected)) {
    await assert.rejects(
      readAll(csvManifest({ path: folder.at(name) })),
      (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  }
});
