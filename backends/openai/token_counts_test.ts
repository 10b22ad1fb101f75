import assert from "node:assert/strict";
import { join } from "node:path";
import { sample } from "../../tests/support/sample.ts";
import type { Delta, Output, Sample } from "../../plugins/mod.ts";
import { smallTokenizer } from "../../tests/support/small_tokenizer.ts";
import type { SentText } from "./token_counts.ts";
import { loopback } from "../../tests/support/loopback.ts";
import { warnOnce } from "../../lib/warn_once.ts";
import { openTokenizerOption, TokenCounts } from "./token_counts.ts";

const { signal } = new AbortController();

/** Opens token counts, with a server if there is an `answer` to its questions. */
async function counting(
  settings: { readonly tokenizer?: string },
  answer?: (question: Record<string, unknown>) => Response,
) {
  const server = answer && loopback(({ body }) => answer(body));
  const warnings: string[] = [];
  const ask = {
    headers: {},
    tls: { rejectUnauthorized: true },
    timeoutMs: 10_000,
    signal,
    clean: (text: string) => text,
  };
  const counts = new TokenCounts({
    server: server &&
      { url: new URL("/tokenize", server.target), model: "m", ask },
    tokenizer: await openTokenizerOption(settings),
    warn: warnOnce((message) => warnings.push(message)),
  });
  return {
    asked: () => server?.got.map(({ body }) => body),
    warnings,
    count: (of: Sample, sent?: SentText) =>
      counts.count(of, () => sent, signal),
    async [Symbol.asyncDispose]() {
      counts[Symbol.dispose]();
      await server?.[Symbol.asyncDispose]();
    },
  };
}

/** Returns a streamed answer. Words of four letters are one token. */
function streamed(...deltas: (Partial<Delta> & { text?: string })[]): Sample {
  return sample({
    deltas: deltas.map((delta, atMs) => ({ atMs, kind: "text", ...delta })),
    output: { text: deltas.map(({ text }) => text).join("") },
  });
}

function whole(output: Output): Sample {
  return sample({ output });
}

const answer = streamed(
  { text: "" },
  { kind: "reasoning", text: "four" },
  { text: " four four" },
  { kind: "tool", text: "four" },
);

const prompt: SentText = {
  text: "four four four",
  tokenize: { prompt: "four four four" },
};

Deno.test("TokenCounts counts input and output by the server", async () => {
  await using counts = await counting(
    {},
    ({ prompt }) => Response.json({ count: String(prompt).length }),
  );
  assert.deepEqual(await counts.count(answer, prompt), {
    inputTokens: 14,
    outputTokens: 18,
    countedBy: { input: "tokenize", output: "tokenize" },
  });
  assert.deepEqual(counts.asked(), [
    { model: "m", prompt: "four four four" },
    { model: "m", prompt: "four four fourfour", add_special_tokens: false },
  ]);
});

Deno.test("TokenCounts ignores a count of 0 tokens for words", async () => {
  await using counts = await counting({}, () => Response.json({ count: 0 }));
  const words = await counts.count(whole({ text: "four" }), prompt);
  assert.deepEqual(words.countedBy, {
    input: "characters",
    output: "characters",
  });
  const silence = await counts.count(whole({ text: " " }), prompt);
  assert.equal(silence.outputTokens, 0);
  assert.equal(silence.countedBy?.output, "tokenize");
});

Deno.test("TokenCounts counts several answers as one text", async () => {
  await using counts = await counting({}, () => Response.json({ count: 4 }));
  const answers = streamed(
    { text: "to", choice: 1 },
    { text: "on" },
    { text: "day", choice: 1 },
    { text: "ly " },
  );
  await counts.count(answers);
  assert.equal(counts.asked()?.[0]?.prompt, "only today");
});

Deno.test("TokenCounts counts only what the server's usage lacks", async () => {
  await using counts = await counting({}, () => Response.json({ count: 3 }));
  const usage = { inputTokens: 1 };
  const { deltas } = answer;
  const part = sample({ deltas, output: { text: "a", usage } });
  assert.deepEqual(await counts.count(part, prompt), {
    outputTokens: 3,
    countedBy: { output: "tokenize" },
  });
  const other = sample({ deltas, output: { usage: { outputTokens: 1 } } });
  assert.deepEqual(await counts.count(other, prompt), {
    inputTokens: 3,
    countedBy: { input: "tokenize" },
  });
  assert.equal(counts.asked()?.length, 2);
});

Deno.test("TokenCounts warns once of a server that does not tokenize and estimates", async () => {
  await using counts = await counting(
    {},
    () => new Response("", { status: 404 }),
  );
  const estimate = {
    inputTokens: 4,
    outputTokens: 3,
    countedBy: { input: "characters", output: "deltas" },
  };
  assert.deepEqual(await counts.count(answer, prompt), estimate);
  assert.deepEqual(await counts.count(answer, prompt), estimate);
  assert.equal(counts.asked()?.length, 1);
  assert.deepEqual(counts.warnings, [
    "Tokens that the server does not count are estimated: POST /tokenize is answered with 404 (tokenize=false skips it)",
  ]);
});

Deno.test("TokenCounts estimates one request if the server fails temporarily", async () => {
  let answers = 0;
  await using counts = await counting(
    {},
    () =>
      answers++ === 0
        ? new Response("", { status: 503 })
        : Response.json({ count: 9 }),
  );
  const by = async () => (await counts.count(answer)).countedBy?.output;
  assert.deepEqual([await by(), await by()], ["deltas", "tokenize"]);
  assert.deepEqual(counts.warnings, []);
});

Deno.test("TokenCounts estimates by deltas, or by characters without deltas", async () => {
  await using counts = await counting({});
  const cases: readonly (readonly [Sample, number | undefined, string])[] = [
    [streamed({ text: "a long piece" }, { text: "" }), 1, "deltas"],
    [streamed({ text: "" }), 0, "deltas"],
    [streamed({ text: "a" }, { text: "b", choice: 1 }), 2, "deltas"],
    [
      sample({
        deltas: [
          { atMs: 1, kind: "text", text: "fou" },
          { atMs: 2, kind: "text", text: "four", mode: "replace" },
        ],
        output: { text: "four" },
      }),
      1,
      "characters",
    ],
    // A sentence is not a token.
    [
      streamed({
        text:
          "One of these sentences has thirteen words and comes in a single delta.",
      }),
      18,
      "characters",
    ],
    [
      streamed(
        { text: "Here come some words, " },
        { text: "and here come more." },
      ),
      11,
      "characters",
    ],
    // Nor is a letter.
    [
      streamed(...Array.from("thirteen words", (text) => ({ text }))),
      4,
      "characters",
    ],
    // A run of spaces is.
    [streamed({ text: " ".repeat(80) }, { text: "end" }), 2, "deltas"],
    [whole({ text: "fourfour" }), 2, "characters"],
    [whole({ text: "" }), 0, "characters"],
    [
      whole({
        text: "four",
        reasoning: "four",
        refusal: "four",
        toolCalls: [{ name: "four", arguments: "four" }],
      }),
      5,
      "characters",
    ],
    [
      whole({ text: "four", choices: [{ text: "four" }, { text: "four" }] }),
      2,
      "characters",
    ],
    [whole({}), undefined, ""],
    [whole({ embeddings: { count: 1, dimensions: 2 } }), undefined, ""],
    [streamed({ kind: "audio", text: "four" }), undefined, ""],
  ];
  for (const [of, outputTokens, by] of cases) {
    assert.deepEqual(
      await counts.count(of),
      outputTokens === undefined
        ? {}
        : { outputTokens, countedBy: { output: by } },
    );
  }
});

/** Returns an answer with a number of deltas and the server's count. */
function counted(
  outputTokens: number,
  { pieces = 31, text = "four", ...more }: {
    readonly pieces?: number;
    readonly text?: string;
  } & Partial<Delta> = {},
): Sample {
  const answered = streamed(
    ...Array.from({ length: pieces }, () => ({ text, ...more })),
  );
  const usage = { inputTokens: 5, outputTokens };
  return { ...answered, output: { ...answered.output, usage } };
}

Deno.test("TokenCounts replaces counts that cannot be right and warns once", async () => {
  const cases: readonly (readonly [Sample, number, string, string])[] = [
    [counted(0), 31, "deltas", "0 tokens for 31 deltas"],
    [counted(1), 31, "deltas", "1 token for 31 deltas"],
    [counted(30), 31, "deltas", "30 tokens for 31 deltas"],
    [counted(0, { text: "漢" }), 31, "deltas", "0 tokens for 31 deltas"],
    [
      counted(0, { pieces: 1, text: "x".repeat(70) }),
      18,
      "characters",
      "0 tokens for 1 delta",
    ],
    [
      whole({ text: "fourfour", usage: { inputTokens: 5, outputTokens: 0 } }),
      2,
      "characters",
      "0 tokens for an answer of 8 characters",
    ],
    [counted(0, { kind: "tool" }), 31, "deltas", "0 tokens for 31 deltas"],
    [
      // Bits of tokens: 400 characters are no 5 tokens.
      counted(5, { pieces: 400, text: "x" }),
      100,
      "characters",
      "5 tokens for 400 deltas",
    ],
  ];
  for (const [answered, outputTokens, by, message] of cases) {
    await using counts = await counting({});
    const expected = { outputTokens, countedBy: { output: by } };
    assert.deepEqual(await counts.count(answered), expected, message);
    assert.deepEqual(await counts.count(answered), expected);
    assert.deepEqual(counts.warnings, [
      `server counted ${message}; counted by ${by} instead`,
    ]);
  }
});

Deno.test("TokenCounts keeps counts of the server that may be right", async () => {
  const cases: readonly Sample[] = [
    counted(31),
    counted(500),
    counted(0, { text: "" }),
    // A gateway that sends each character on its own.
    counted(90, { pieces: 400, text: "x" }),
    // One token may name a function and open its arguments, and more.
    counted(3, { kind: "tool" }),
    // A token that ends the reasoning may begin the answer.
    {
      ...streamed({ kind: "reasoning", text: "hm" }, { text: "42" }),
      output: { text: "42", usage: { inputTokens: 5, outputTokens: 1 } },
    },
    // A delta that replaces another is not a token.
    counted(1, { pieces: 9, mode: "replace" }),
    whole({ text: "", usage: { inputTokens: 5, outputTokens: 0 } }),
    whole({ text: "four four", usage: { inputTokens: 5, outputTokens: 1 } }),
  ];
  for (const answered of cases) {
    await using counts = await counting({}, () => assert.fail("asked"));
    assert.deepEqual(await counts.count(answered), {});
    assert.deepEqual(counts.warnings, []);
  }
});

Deno.test("TokenCounts compares with other counts before it replaces the server's", async () => {
  await using more = await counting({}, () => Response.json({ count: 40 }));
  assert.deepEqual(await more.count(counted(20)), {
    outputTokens: 40,
    countedBy: { output: "tokenize" },
  });
  assert.deepEqual(more.warnings, [
    "server counted 20 tokens for 31 deltas; counted by tokenize instead",
  ]);
  await using same = await counting({}, () => Response.json({ count: 20 }));
  assert.deepEqual(await same.count(counted(20)), {});
  assert.deepEqual(same.warnings, []);
});

Deno.test("TokenCounts leaves out a 0 that it cannot replace", async () => {
  await using counts = await counting({});
  const spoken = counted(0, { kind: "audio", bytes: 4 });
  assert.deepEqual(await counts.count(spoken), {});
  assert.deepEqual(counts.warnings, [
    "server counted 0 tokens for 31 deltas; the count is left out",
  ]);
});

Deno.test("TokenCounts counts an input for which the server counted 0 tokens", async () => {
  const answered = whole({
    text: "four",
    usage: { inputTokens: 0, outputTokens: 1 },
  });
  await using counts = await counting({});
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await counts.count(answered, prompt), {
      inputTokens: 4,
      countedBy: { input: "characters" },
    });
  }
  assert.deepEqual(await counts.count(answered), {});
  assert.deepEqual(counts.warnings, [
    "server counted 0 input tokens; counted by characters instead",
  ]);
  await using empty = await counting({}, () => assert.fail("asked"));
  const nothing = { text: "", tokenize: { prompt: "" } };
  assert.deepEqual(await empty.count(answered, nothing), { inputTokens: 0 });
  assert.deepEqual(empty.warnings, []);
});

Deno.test("TokenCounts counts by a tokenizer file, each text of a batch separately", async () => {
  const folder = await Deno.makeTempDir({ prefix: "earshot-counts-" });
  const path = join(folder, "tokenizer.json");
  const merges = ["f o", "fo u", "fou r", "Ġ four"]
    .map((pair) => pair.split(" ") as [string, string]);
  const file = smallTokenizer({ merges });
  await Deno.writeTextFile(path, JSON.stringify(file));
  try {
    await using counts = await counting({ tokenizer: path });
    assert.deepEqual(await counts.count(answer, prompt), {
      inputTokens: 3,
      outputTokens: 4,
      countedBy: { input: "tokenizer", output: "tokenizer" },
    });
    const batch = { text: ["four", "four four"] };
    assert.deepEqual(await counts.count(whole({}), batch), {
      inputTokens: 3,
      countedBy: { input: "tokenizer" },
    });
    await using server = await counting(
      { tokenizer: path },
      () => new Response("", { status: 405 }),
    );
    const { countedBy } = await server.count(answer, prompt);
    assert.deepEqual(countedBy, { input: "tokenizer", output: "tokenizer" });
    assert.match(server.warnings[0] ?? "", /are counted by the tokenizer: /);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("TokenCounts rejects an invalid tokenizer file", async () => {
  await assert.rejects(counting({ tokenizer: "/nowhere/tokenizer.json" }), {
    name: "UsageError",
    message: /nowhere\/tokenizer\.json/,
  });
});

Deno.test("TokenCounts leaves the input unknown if it contains more than text", async () => {
  await using counts = await counting({}, () => Response.json({ count: 9 }));
  assert.deepEqual(await counts.count(whole({ text: "four" })), {
    outputTokens: 9,
    countedBy: { output: "tokenize" },
  });
});
