import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../plugins/mod.ts";
import { type ColumnNames, nameColumns } from "./names.ts";

function names(
  columns: readonly string[],
  given = {},
  audioLike: readonly string[] = [],
): ColumnNames {
  return nameColumns({
    path: "m.jsonl",
    columns,
    valuesOf: (name) => audioLike.includes(name) ? ["a.wav"] : [],
  }, given);
}

Deno.test("nameColumns() finds audio by its usual names, in any case, in the plural and with numbers", () => {
  const usual = [
    ...["audio", "sound", "voice", "speech", "wav", "mp3"],
    ...["Audio", "AUDIOS", "sounds_2", "voice_1", "audio_filepath"],
    ...["audio_url", "audio_base64"],
  ];
  for (const name of usual) {
    assert.deepEqual(names(["x", name, "y"]), { audio: name });
  }
  assert.deepEqual(names(["speech_1", "Sounds", "audio_2", "audio"]), {
    audio: "audio",
  });
});

Deno.test("nameColumns() never uses a transcript as a prompt", () => {
  for (const name of ["text", "transcript", "transcription", "sentence"]) {
    assert.deepEqual(names(["audio", name]), {
      audio: "audio",
      reference: name,
    });
  }
  const prompts = ["prompt", "question", "context", "content"];
  assert.deepEqual(names(["audio", ...prompts]), { audio: "audio" });
  const columns = fc.uniqueArray(
    fc.oneof(
      fc.constantFrom("audio", "text", "Text", "prompt", "sentence", "texts"),
      fc.string(),
    ),
  );
  fc.assert(fc.property(columns, (columns) => {
    const found = names(["wav", ...columns]);
    assert.equal(found.text, undefined);
    assert.notEqual(found.reference, found.audio);
  }));
});

Deno.test("nameColumns() gives no other role to a column that is left out", () => {
  const cases: [string[], Record<string, string>, ColumnNames][] = [
    [["image", "text"], { text: "" }, { images: "image" }],
    [["image", "prompt", "text"], { text: "" }, {
      images: "image",
      reference: "text",
    }],
    // It would not have been the prompt.
    [["audio", "text"], { text: "" }, { audio: "audio", reference: "text" }],
    [["audio", "text"], { reference: "" }, { audio: "audio" }],
    [["audio", "text"], { audio: "" }, { text: "text" }],
    [["prompt", "text"], { reference: "" }, { text: "prompt" }],
    [["prompt", "system"], { system: "" }, { text: "prompt" }],
    [["prompt", "input"], { text: "", images: "input" }, { images: "input" }],
  ];
  for (const [columns, given, expected] of cases) {
    assert.deepEqual(names(columns, given), expected, JSON.stringify(given));
  }
  assert.throws(() => names(["text"], { text: "" }), UsageError);
});

Deno.test("nameColumns() finds prompts if there is no audio", () => {
  assert.deepEqual(names(["id", "text"]), { text: "text", id: "id" });
  assert.deepEqual(names(["text", "Question", "reference"]), {
    text: "Question",
    reference: "reference",
  });
});

Deno.test("nameColumns() uses paths as audio only if their values look like audio", () => {
  const columns = ["client_id", "path", "sentence"];
  assert.deepEqual(names(columns, {}, ["path"]), {
    audio: "path",
    reference: "sentence",
  });
  assert.deepEqual(names(["path", "content"]), { text: "content" });
});

Deno.test("nameColumns() uses the given names", () => {
  const columns = ["audio", "take2", "text", "said", "key"];
  assert.deepEqual(
    names(columns, { audio: "take2", text: "text", reference: "said" }),
    {
      audio: "take2",
      text: "text",
      reference: "said",
      id: "key",
    },
  );
  // With a named prompt, a column named voice is not audio.
  assert.deepEqual(names(["voice", "line"], { text: "line" }), {
    text: "line",
  });
});

Deno.test("nameColumns() finds ids and durations", () => {
  assert.deepEqual(names(["utt_id", "audio", "Duration", "text"]), {
    audio: "audio",
    reference: "text",
    id: "utt_id",
    duration: "Duration",
  });
});

Deno.test("nameColumns() refuses a column that does not exist, and suggests the nearest", () => {
  const given = { audio: "audio_filpath" };
  assert.throws(() => names(["audio_filepath", "text"], given), (error) => {
    assert.ok(error instanceof UsageError);
    assert.equal(
      error.message,
      `columns.audio: unknown column "audio_filpath" of m.jsonl; did you mean "audio_filepath"?; ` +
        `there are: "audio_filepath", "text"`,
    );
    return true;
  });
});

Deno.test("nameColumns() refuses data with nothing to send, and lists its columns", () => {
  assert.throws(() => names(["audoi", "duration"]), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /its columns are "audoi", "duration"/);
    assert.match(error.message, /"audoi" is similar to "audio"$/);
    return true;
  });
});

Deno.test("nameColumns() shows a value of a column that has a right name and wrong values", () => {
  assert.throws(
    () =>
      nameColumns({
        path: "m.jsonl",
        columns: ["id", "messages"],
        valuesOf: (name) => name === "messages" ? ["x".repeat(99)] : [1],
      }, {}),
    /the values of "messages" cannot be sent: the first is "x{59}…$/,
  );
});

Deno.test("nameColumns() identifies chats, images and lists by their values", () => {
  const found = (values: Record<string, unknown>, given = {}) =>
    nameColumns({
      path: "m.jsonl",
      columns: Object.keys(values),
      valuesOf: (name) => [values[name]],
    }, given);
  const chat = [{ role: "user", content: "x" }];
  assert.deepEqual(found({ prompt: "a", messages: chat, text: "b" }), {
    messages: "messages",
  });
  assert.deepEqual(found({ conversation: "no chat" }), {
    text: "conversation",
  });
  assert.deepEqual(found({ conversation: JSON.stringify(chat) }), {
    messages: "conversation",
  });
  assert.deepEqual(found({ input: ["a", "b"], text: "c" }), {
    texts: "input",
    reference: "text",
  });
  assert.deepEqual(
    found({ Photos_1: "a.png", question: "b", tools: [{}], prefix: "c" }),
    { images: "Photos_1", text: "question", tools: "tools", system: "prefix" },
  );
  assert.deepEqual(found({ prompt: "a", tools: "hammer", max_tokens: "no" }), {
    text: "prompt",
  });
  assert.deepEqual(
    found({ instruction: "a", input: "b", output: "c", output_len: 5 }),
    { text: "instruction", outputTokens: "output_len" },
  );
  assert.deepEqual(found({ image: "a.png", audio: "a.wav", answer: "b" }), {
    audio: "audio",
    images: "image",
    reference: "answer",
  });
  assert.deepEqual(
    found({ prompt: "a", response: "b" }, {
      reference: "",
      answer: "response",
    }),
    { text: "prompt", answer: "response" },
  );
  // Another dataset may have the prompt.
  assert.deepEqual(found({ persona: "a" }, { system: "persona" }), {
    system: "persona",
  });
});
