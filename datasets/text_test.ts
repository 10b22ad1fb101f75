import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { type Columns, UsageError } from "../plugins/mod.ts";
import { testDataset } from "../plugins/testing/mod.ts";
import { audioColumn, parquetOf } from "../tests/support/parquet.ts";
import { textFile, type TextFileOptions } from "./text.ts";
import {
  openDataset,
  PNG,
  read,
  readAll,
  tempFolder,
  tone,
} from "../tests/support/datasets.ts";

/** The columns of each turn that a file of this content gives. */
async function columnsOf(
  name: string,
  content: string | Uint8Array,
  options: Partial<TextFileOptions> = {},
): Promise<Columns[]> {
  await using folder = await tempFolder({ [name]: content });
  const path = folder.at(name);
  const sessions = await readAll(textFile({ path, ...options }));
  return sessions.flatMap(({ turns, problem }) => {
    assert.equal(problem, undefined);
    return turns.map(({ columns }) => columns);
  });
}

Deno.test("textFile() reads the same prompts from every kind of file", async () => {
  const rows = [{ prompt: "Why, é?", answer: "So" }, {
    prompt: "When",
    answer: "Now",
  }];
  const lines = rows.map((row) => JSON.stringify(row));
  const files: Record<string, string | Uint8Array> = {
    "a.json": JSON.stringify(rows),
    "b.jsonl": lines.join("\n"),
    "c.ndjson": `\uFEFF${lines.join("\r\n")}\r\n`,
    "d.csv": 'prompt,answer\r\n"Why, é?",So\r\nWhen,Now\r\n',
    "e.TSV": "\uFEFFprompt\tanswer\nWhy, é?\tSo\nWhen\tNow",
    "f.parquet": parquetOf([
      { name: "prompt", data: rows.map(({ prompt }) => prompt) },
      { name: "answer", data: rows.map(({ answer }) => answer) },
    ]),
  };
  for (const [name, content] of Object.entries(files)) {
    assert.deepEqual(
      await columnsOf(name, content),
      rows.map(({ prompt, answer }) => ({ text: prompt, reference: answer })),
      name,
    );
  }
});

Deno.test("textFile() reads each line of plain text as a prompt", async () => {
  const content = '\uFEFF  first, "as" it is \r\n\r\n \t\r\n# second\r\nlast';
  for (const name of ["a.txt", "b.md"]) {
    await using folder = await tempFolder({ [name]: content });
    const sessions = await readAll(textFile({ path: folder.at(name) }));
    assert.deepEqual(
      sessions,
      [
        [1, 'first, "as" it is'],
        [4, "# second"],
        [5, "last"],
      ].map(([line, text]) => ({
        id: `${name}:${line}`,
        turns: [{ columns: { text } }],
      })),
    );
  }
  assert.deepEqual(await columnsOf("a.log", "x", { format: "plain" }), [{
    text: "x",
  }]);
});

Deno.test("textFile() finds every column by its usual names", async () => {
  await using folder = await tempFolder({
    "a.png": PNG,
    "m.jsonl": JSON.stringify({
      id: 7,
      question: "What is this?",
      system_prompt: "Be brief",
      images: ["a.png", { bytes: PNG.toBase64() }],
      functions: [{ name: "look", parameters: {} }],
      tool_output: { ok: true },
      answer: "A dot",
      completion_tokens_count: 12,
    }),
  });
  const [session] = await readAll(textFile({ path: folder.at("m.jsonl") }));
  assert.equal(session!.id, "7");
  const { columns, maxOutputTokens } = session!.turns[0]!;
  const { images, ...rest } = columns;
  assert.equal(maxOutputTokens, 12);
  assert.deepEqual(rest, {
    text: "What is this?",
    system: "Be brief",
    tools: [{ type: "function", function: { name: "look", parameters: {} } }],
    toolResult: '{"ok":true}',
    reference: "A dot",
  });
  assert.equal(images?.[0]?.id, "a.png");
  assert.equal((await images![1]!.file()).mediaType, "image/png");
});

Deno.test("textFile() reads images in a Parquet file", async () => {
  const { column, schema } = audioColumn("image", [
    { bytes: PNG, path: "a.png" },
    { bytes: null, path: null },
  ]);
  const content = parquetOf([
    { name: "question", data: ["What?", "Why?"] },
    column,
  ], {
    schema: [
      { name: "root", num_children: 2 },
      { name: "question", type: "BYTE_ARRAY", converted_type: "UTF8" },
      ...schema,
    ],
  });
  await using folder = await tempFolder({ "m.parquet": content });
  await using dataset = await openDataset(
    textFile({ path: folder.at("m.parquet") }),
  );
  const [first, second] = await read(dataset);
  const image = first!.turns[0]!.columns.images![0]!;
  assert.match(image.id, /^sha256:/);
  assert.deepEqual(Uint8Array.from((await image.file()).bytes), PNG);
  // An empty value is not an image.
  assert.deepEqual(second, {
    id: "m.parquet#2",
    turns: [{ columns: { text: "Why?" } }],
  });
});

Deno.test("textFile() reads lists of texts, also as JSON in cells", async () => {
  const texts = ["a", "b"];
  assert.deepEqual(
    await columnsOf("m.json", JSON.stringify([{ input: texts }])),
    [{ texts }],
  );
  assert.deepEqual(
    await columnsOf("m.csv", 'texts\n"[""a"",""b""]"\n'),
    [{ texts }],
  );
  assert.deepEqual(
    await columnsOf(
      "m.csv",
      'messages,text\n"[{""role"":""user"",""content"":""x""}]",templated\n',
    ),
    [{ messages: [{ role: "user", content: "x" }] }],
  );
});

const CHAT = [
  { role: "system", content: "Be brief" },
  { role: "user", content: "One?" },
  { role: "assistant", content: "Uno" },
  { role: "user", content: [{ type: "text", text: "And" }, { type: "image" }] },
  { role: "assistant", content: "Dos" },
];

Deno.test("textFile() sends a chat as one request, or turn by turn", async () => {
  await using folder = await tempFolder({
    "a.png": PNG,
    "m.json": JSON.stringify([{
      messages: CHAT,
      image: "a.png",
      max_tokens: 5,
    }]),
  });
  const path = folder.at("m.json");
  const [last] = await readAll(textFile({ path }));
  assert.equal(last!.turns.length, 1);
  assert.equal(last!.turns[0]!.maxOutputTokens, 5);
  const { messages, reference, images } = last!.turns[0]!.columns;
  assert.equal(reference, "Dos");
  assert.equal(images, undefined, "the part took it");
  assert.deepEqual(messages?.slice(0, 3), CHAT.slice(0, 3));
  const parts = messages?.[3]?.content;
  assert.ok(Array.isArray(parts) && parts[1].kind === "image");
  assert.equal(parts[1].image.id, "a.png");

  const [all] = await readAll(textFile({ path, turns: "all" }));
  assert.deepEqual(all!.turns[0]!.columns, {
    system: "Be brief",
    text: "One?",
    answer: "Uno",
  });
  assert.equal(all!.turns[1]!.columns.answer, "Dos");
  assert.equal(all!.turns[1]!.columns.messages?.length, 1);
});

Deno.test("textFile() reads speech in chats, and speech with a prompt", async () => {
  const wav = tone(200);
  const part = {
    type: "input_audio",
    input_audio: { data: wav.toBase64(), format: "wav" },
  };
  const [chat] = await columnsOf(
    "m.json",
    JSON.stringify([{ messages: [{ role: "user", content: [part] }] }]),
  );
  const parts = chat!.messages![0]!.content;
  const first = typeof parts === "string" ? undefined : parts[0];
  assert.ok(first?.kind === "audio");
  assert.equal(first.audio.durationMs, 200);
  const rows = [{ audio: wav.toBase64(), prompt: "Who?", text: "said" }];
  const [speech] = await columnsOf("m.json", JSON.stringify(rows), {
    columns: { text: "prompt" },
  });
  assert.equal(speech!.audio?.durationMs, 200);
  assert.equal(speech!.text, "Who?");
  assert.equal(speech!.reference, "said");
});

Deno.test("textFile() leaves out a column that is named empty", async () => {
  const content = JSON.stringify([{ prompt: "a", answer: "b", tools: [{}] }]);
  assert.deepEqual(
    await columnsOf("m.json", content, {
      columns: { reference: "", tools: "" },
    }),
    [{ text: "a" }],
  );
});

Deno.test("textFile() reports what is wrong with a record and continues", async () => {
  const rows = [
    { prompt: "a", max_tokens: 3 },
    { prompt: "b", max_tokens: 0 },
    { prompt: "c", max_tokens: "many" },
    { prompt: null },
    { prompt: ["d"] },
    { prompt: "e", tools: "none" },
    { prompt: "f", image: { width: 1 } },
    { prompt: "g", max_tokens: "4" },
  ];
  await using folder = await tempFolder({
    "m.json": JSON.stringify(rows.map((row) => ({ image: null, ...row }))),
  });
  const path = folder.at("m.json");
  const columns = {
    images: "image",
    tools: "tools",
    outputTokens: "max_tokens",
  };
  const sessions = await readAll(textFile({ path, columns }));
  const expected = [
    undefined,
    /#2: "max_tokens": must be a whole number above 0, but was 0$/,
    /#3: .*but was "many"$/,
    /#4: "prompt": must have a value, but was null$/,
    /#5: "prompt": must be text, but was \["d"\]$/,
    /#6: "tools": must be a list of tools, but was "none"$/,
    /#7: image: an object must have one of/,
    undefined,
  ];
  for (const [i, rule] of expected.entries()) {
    const { id, problem } = sessions[i]!;
    if (rule === undefined) assert.equal(problem, undefined);
    else assert.match(`${id}: ${problem}`, rule);
  }
  assert.equal(sessions[7]!.turns[0]!.maxOutputTokens, 4);
});

Deno.test("textFile() refuses files that it cannot read before the run", async () => {
  const refused = async (
    name: string,
    content: string | Uint8Array,
    message: RegExp,
    options: Partial<TextFileOptions> = {},
  ) => {
    await assert.rejects(columnsOf(name, content, options), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message, name);
      return true;
    });
  };
  const binary = Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0xff, 0xfe, 10);
  await refused("a.txt", "", /the file has no records/);
  await refused("a.txt", "\n \n", /the file has no records/);
  await refused("a.txt", binary, /a\.txt:1: each line must be UTF-8/);
  await refused(
    "a.txt",
    "a\0b",
    /a\.txt:1: each line must be text, but one has a zero byte/,
  );
  await refused("a.json", binary, /a\.json: the file must be JSON in UTF-8/);
  await refused("a.jsonl", binary, /a\.jsonl:1: each line must be JSON/);
  await refused(
    "a.json",
    '[{"prompt":"a"},{"pro',
    /a\.json: the file must be JSON/,
  );
  await refused("a.json", '[{"promt":"a"}]', /"promt" is similar to "prompt"$/);
  await refused(
    "a.json",
    '[{"prompt":"a"}]',
    /columns\.system: unknown column "sys"/,
    { columns: { system: "sys" } },
  );
  await refused(
    "a.xyz",
    "a",
    /^path: the name must end in \.jsonl, .*unless 'format' is given/,
  );
  await refused("a.csv", "prompt\nx", /^rows: only JSON files/, {
    rows: "data",
  });
});

Deno.test("textFile() reads only as much of a large file as it needs", async () => {
  await using folder = await tempFolder();
  const path = folder.at("large.jsonl");
  const record = JSON.stringify({ prompt: "x".repeat(100_000) });
  {
    await using file = await open(path, "w");
    for (let i = 0; i < 701; i++) await file.write(`${record}\n`);
  }
  assert.ok((await Deno.stat(path)).size > 70e6);
  const reads = await watchReads();
  try {
    await using dataset = await openDataset(textFile({ path }));
    const sessions = await read(dataset, { take: 20 });
    assert.equal(sessions[19]!.turns[0]!.columns.text?.length, 100_000);
    assert.ok(reads.bytes > 0 && reads.bytes < 20e6, `${reads.bytes}`);
    assert.ok(reads.largest < 1e6, `${reads.largest}`);
    await using shuffled = await openDataset(textFile({ path, shuffle: true }));
    assert.equal((await read(shuffled, { take: 20 })).length, 20);
    assert.ok(reads.largest < 1e6, `${reads.largest}`);
  } finally {
    reads.stop();
  }
});

/** Notes what is read from files. */
async function watchReads() {
  await using file = await open(new URL(import.meta.url));
  const handle = Object.getPrototypeOf(file);
  const { read } = handle;
  const reads = { bytes: 0, largest: 0, stop: () => void (handle.read = read) };
  handle.read = async function (...args: unknown[]) {
    const result = await read.apply(this, args);
    reads.bytes += result.bytesRead;
    reads.largest = Math.max(reads.largest, result.bytesRead);
    return result;
  };
  return reads;
}

const folder = await Deno.makeTempDir({ prefix: "earshot-text-" });
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(folder, { recursive: true }),
);
await Deno.writeTextFile(
  `${folder}/m.json`,
  JSON.stringify([
    { prompt: "a", image: PNG.toBase64() },
    { prompt: "b" },
    { prompt: "c" },
  ]),
);
testDataset(textFile({ path: `${folder}/m.json` }));
testDataset(textFile({ path: `${folder}/m.json`, shuffle: true, limit: 2 }));
