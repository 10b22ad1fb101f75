import assert from "node:assert/strict";
import { UsageError } from "../plugins/mod.ts";
import { testDataset } from "../plugins/testing/mod.ts";
import { estimateTokens } from "../tokens/mod.ts";
import { sharegpt, type ShareGptOptions } from "./sharegpt.ts";

import {
  openDataset,
  read,
  readAll,
  tempFolder,
} from "../tests/support/datasets.ts";

interface Said {
  readonly from: string;
  readonly value: string;
}

/** A conversation in letters: h, g and s are the speakers; each text is repeated. */
function conversation(id: string, letters: string, times = 1) {
  const names = { h: "human", g: "gpt", s: "system" };
  const conversations = [...letters].map((letter, i): Said => ({
    from: names[letter as keyof typeof names],
    value: Array(times).fill(`${letter}${i}`).join(" "),
  }));
  return { id, conversations };
}

const CONVERSATIONS = [
  conversation("two", "hghg"),
  conversation("begins with an answer", "ghg"),
  conversation("nobody answers", "h"),
  { id: "empty", conversations: [] },
  conversation("only answers", "gg"),
  conversation("three", "shghghg", 40),
  conversation("unanswered at the end", "hgh"),
];

async function ids(options: Partial<ShareGptOptions>): Promise<string[]> {
  await using folder = await tempFolder({
    "s.json": JSON.stringify(CONVERSATIONS),
  });
  const sessions = await readAll(
    sharegpt({ path: folder.at("s.json"), ...options }),
  );
  return sessions.map(({ id }) => id);
}

Deno.test("sharegpt() replays conversations turn by turn, with answers as long as the recorded ones", async () => {
  const lines = CONVERSATIONS.map((each) => JSON.stringify(each));
  await using folder = await tempFolder({
    "s.json": JSON.stringify(CONVERSATIONS, null, 1),
    "s.jsonl": lines.join("\n"),
    "lines.json": lines.join("\n"),
  });
  for (const name of ["s.json", "s.jsonl", "lines.json"]) {
    const sessions = await readAll(sharegpt({ path: folder.at(name) }));
    assert.deepEqual(sessions.map(({ id, turns }) => [id, turns.length]), [
      ["two", 2],
      ["begins with an answer", 1],
      ["three", 3],
      ["unanswered at the end", 1],
    ]);
    assert.deepEqual(sessions[0]!.turns, [
      {
        columns: { text: "h0", answer: "g1" },
        maxOutputTokens: 1,
      },
      {
        columns: { text: "h2", answer: "g3" },
        maxOutputTokens: 1,
      },
    ]);
    const [first] = sessions[2]!.turns;
    assert.equal(first!.columns.system, Array(40).fill("s0").join(" "));
    const answer = first!.columns.answer ?? "";
    assert.equal(first!.maxOutputTokens, estimateTokens(answer));
    assert.ok(first!.maxOutputTokens > 20);
  }
});

Deno.test("sharegpt() leaves lengths to the backend with outputLength=free, and sends one request with turns=last", async () => {
  await using folder = await tempFolder({
    "s.json": JSON.stringify(CONVERSATIONS),
  });
  const path = folder.at("s.json");
  const sessions = await readAll(sharegpt({ path, outputLength: "free" }));
  assert.ok(
    sessions.every(({ turns }) =>
      turns.every((turn) => !("maxOutputTokens" in turn))
    ),
  );
  assert.deepEqual(sessions.map(({ turns }) => turns.length), [2, 1, 1, 3, 2]);
  const [whole] = await readAll(sharegpt({ path, turns: "last" }));
  assert.deepEqual(whole!.turns, [{
    columns: {
      messages: [
        { role: "user", content: "h0" },
        { role: "assistant", content: "g1" },
        { role: "user", content: "h2" },
      ],
      answer: "g3",
    },
    maxOutputTokens: 1,
  }]);
});

Deno.test("sharegpt() sends the system prompt of a record", async () => {
  const beside = { ...conversation("beside", "hghg"), system: "Be brief" };
  const both = { ...conversation("both", "shg"), system: "Be brief" };
  const none = { ...conversation("none", "hg"), system: null };
  await using folder = await tempFolder({
    "s.json": JSON.stringify([beside, both, none]),
  });
  const path = folder.at("s.json");
  const sessions = await readAll(sharegpt({ path }));
  assert.deepEqual(
    sessions.map(({ turns }) => turns.map(({ columns }) => columns)),
    [
      [
        { system: "Be brief", text: "h0", answer: "g1" },
        { text: "h2", answer: "g3" },
      ],
      [{
        system: "Be brief",
        messages: [
          { role: "system", content: "s0" },
          { role: "user", content: "h1" },
        ],
        answer: "g2",
      }],
      [{ text: "h0", answer: "g1" }],
    ],
  );
  const [whole] = await readAll(sharegpt({ path, turns: "last" }));
  assert.deepEqual(whole!.turns[0]!.columns.messages![0], {
    role: "system",
    content: "Be brief",
  });
});

Deno.test("sharegpt() skips conversations outside of the limits", async () => {
  assert.deepEqual(await ids({ minTurns: 2 }), ["two", "three"]);
  const short = ["two", "begins with an answer", "unanswered at the end"];
  assert.deepEqual(await ids({ maxPromptTokens: 5 }), short);
  assert.deepEqual(await ids({ minPromptTokens: 5 }), ["three"]);
  assert.deepEqual(await ids({ minAnswerTokens: 5 }), ["three"]);
  assert.deepEqual(await ids({ maxTotalTokens: 3 }), short.slice(1));
  // Turns that are cut off do not count.
  assert.deepEqual(await ids({ maxTotalTokens: 3, maxTurns: 1 }), short);
  assert.deepEqual(await ids({ minTurns: 2, limit: 1 }), ["two"]);
});

Deno.test("sharegpt() names the options that leave out all conversations", async () => {
  await assert.rejects(
    ids({ minTurns: 4, maxTotalTokens: 9 }),
    (error) =>
      error instanceof UsageError &&
      /s\.json: no conversation .* has an answer, or minTurns=4, maxTotalTokens=9 excludes them$/
        .test(error.message),
  );
  await using folder = await tempFolder({
    "s.json": JSON.stringify([conversation("nobody answers", "h")]),
  });
  await assert.rejects(
    readAll(sharegpt({ path: folder.at("s.json") })),
    /none has an answer$/,
  );
  for (
    const [least, most] of [["minTurns", "maxTurns"], [
      "minPromptTokens",
      "maxPromptTokens",
    ]] as const
  ) {
    await assert.rejects(
      ids({ [least]: 3, [most]: 2 }),
      new RegExp(
        `${least}:? must be at most ${most}, which is 2, but was 3`,
      ),
    );
  }
});

Deno.test("sharegpt() keeps the same conversations in every pass, within the limits", async () => {
  const many = Array.from(
    { length: 60 },
    (_, i) => conversation(`${i}`, i % 3 === 0 ? "hg" : "hghg"),
  );
  await using folder = await tempFolder({ "s.json": JSON.stringify(many) });
  const path = folder.at("s.json");
  const options = { path, minTurns: 2, shuffle: true, limit: 10 };
  await using dataset = await openDataset(sharegpt(options));
  const idsOf = async (pass: number) =>
    (await read(dataset, { pass })).map(({ id }) => id);
  const first = await idsOf(0);
  assert.equal(new Set(first).size, 10);
  assert.ok(first.every((id) => Number(id) % 3 !== 0));
  assert.deepEqual(await idsOf(0), first);
  assert.notDeepEqual(await idsOf(1), first);
  assert.deepEqual((await idsOf(1)).toSorted(), first.toSorted());
});

Deno.test("sharegpt() counts with a tokenizer if one is given, and reports the counter", async () => {
  await using folder = await tempFolder({
    "s.json": JSON.stringify(CONVERSATIONS),
    "tokenizer.json": "{",
  });
  const path = folder.at("s.json");
  await using dataset = await openDataset(sharegpt({ path }));
  assert.equal(dataset.facts?.["tokenCounter"], "characters");
  await assert.rejects(
    readAll(sharegpt({ path, tokenizer: folder.at("tokenizer.json") })),
    (error) => error instanceof UsageError && /tokenizer/.test(error.message),
  );
});

Deno.test("sharegpt() names invalid conversations, and refuses files without conversations", async () => {
  await using folder = await tempFolder({
    "s.json": JSON.stringify([
      conversation("a", "hg"),
      { id: "b", conversations: "no" },
      { id: "c", conversations: [{ from: "alien", value: "x" }] },
      { id: "d" },
    ]),
    "other.json": '[{"prompt":"x"}]',
    "empty.json": "[]",
  });
  const sessions = await readAll(sharegpt({ path: folder.at("s.json") }));
  assert.deepEqual(sessions.map(({ id }) => id), ["a", "b", "c", "d"]);
  const problems = [
    undefined,
    /s\.json#2: .*a list of messages, but was "no"$/,
    /s\.json#3: message 1: its role .*"alien"$/,
    /s\.json#4: .*but was missing$/,
  ];
  for (const [i, rule] of problems.entries()) {
    if (rule) assert.match(sessions[i]!.problem ?? "", rule);
    else assert.equal(sessions[i]!.problem, undefined);
  }
  await assert.rejects(
    readAll(sharegpt({ path: folder.at("other.json") })),
    /must have "conversations", but their columns are "prompt"$/,
  );
  await assert.rejects(
    readAll(sharegpt({ path: folder.at("empty.json") })),
    /the file has no records/,
  );
});

const held = await tempFolder({ "s.json": JSON.stringify(CONVERSATIONS) });
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(held.path, { recursive: true }),
);
testDataset(sharegpt({ path: held.at("s.json") }));
testDataset(sharegpt({ path: held.at("s.json"), shuffle: true, limit: 2 }));
