import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  AnsweredTurn,
  Audio,
  Columns,
  Image,
  Output,
  Turn,
} from "../../plugins/mod.ts";
import { chatOptions, chatProtocol } from "./chat.ts";
import type { PreparedTurn } from "./conversation.ts";

type Requests = ReturnType<typeof chatProtocol>;
type Body = Record<string, unknown>;

const never = new AbortController().signal;

function requests(options: Record<string, unknown> = {}): Requests {
  const settings = chatOptions.parse({ target: "http://a", ...options });
  return chatProtocol(settings, "m");
}

/** Builds a request with earlier turns and their answers. */
async function asked(
  chats: Requests,
  before: readonly (readonly [Columns, Output])[],
  columns: Columns,
) {
  const prepare = async (turn: Turn) => ({
    turn,
    prepared: await chats.prepare(turn, never),
  });
  const history: AnsweredTurn<PreparedTurn>[] = [];
  for (const [columns, output] of before) {
    history.push({ ...await prepare({ columns }), output });
  }
  const session = { id: "s", turn: before.length, history };
  return { id: 1, ...await prepare({ columns }), session };
}

async function bodyOf(
  options: Record<string, unknown>,
  columns: Columns,
  before: readonly (readonly [Columns, Output])[] = [],
): Promise<Body> {
  const chats = requests(options);
  const { contentType, body } = chats.request(
    await asked(chats, before, columns),
  );
  assert.equal(contentType, "application/json");
  return JSON.parse(new TextDecoder().decode(body as Uint8Array));
}

const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown, rest: Body = {}) => ({
  role: "assistant",
  content,
  ...rest,
});
const HI = { model: "m", messages: [user("hi")] };
const STREAM = { stream: true, stream_options: { include_usage: true } };

const FIELDS: readonly [string, Record<string, unknown>, Body][] = [
  ["a stream with its usage", {}, { ...HI, ...STREAM }],
  ["no stream", { stream: false }, HI],
  ["no usage", { streamUsage: "off" }, { ...HI, stream: true }],
  ["usage in each event", { streamUsage: "continuous" }, {
    ...HI,
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  }],
  ["a limit", { stream: false, maxOutputTokens: 5 }, {
    ...HI,
    max_completion_tokens: 5,
  }],
  ["a limit under its older name", {
    stream: false,
    maxOutputTokens: 5,
    maxTokensField: "max_tokens",
  }, { ...HI, max_tokens: 5 }],
  ["an exact number of tokens", {
    stream: false,
    maxOutputTokens: 5,
    ignoreEos: true,
  }, { ...HI, max_completion_tokens: 5, ignore_eos: true }],
  ["an exact number of tokens by the body", {
    stream: false,
    body: { max_tokens: 5 },
    ignoreEos: true,
  }, { ...HI, max_tokens: 5, ignore_eos: true }],
  ["the fields of the body option, in which null removes a field", {
    maxOutputTokens: 5,
    body: {
      temperature: 0,
      model: "other",
      max_completion_tokens: 7,
      stream_options: null,
    },
  }, {
    ...HI,
    model: "other",
    stream: true,
    max_completion_tokens: 7,
    temperature: 0,
  }],
  ["no stream by the body", { body: { stream: false } }, {
    ...HI,
    stream: false,
  }],
];

for (const [name, options, expected] of FIELDS) {
  Deno.test(`chatProtocol() requests ${name}`, async () => {
    assert.deepEqual(await bodyOf(options, { text: "hi" }), expected);
  });
}

Deno.test("chatProtocol() prefers the data's token limit to the option's", async () => {
  const chats = requests({ maxOutputTokens: 5 });
  const turn = { columns: { text: "hi" }, maxOutputTokens: 9 };
  const { body } = await chats.prepare(turn, never);
  assert.equal(
    JSON.parse(new TextDecoder().decode(body)).max_completion_tokens,
    9,
  );
});

function audioOf(mediaType: string): Audio {
  return {
    id: `speech ${mediaType}`,
    durationMs: 1,
    file: () =>
      Promise.resolve({ bytes: new Uint8Array([1, 2]), mediaType, name: "a" }),
    pcm16: () => Promise.resolve(new Int16Array([513])),
  };
}

function imageOf(url?: string): Image {
  return {
    id: `picture ${url}`,
    ...(url !== undefined && { url }),
    file: () =>
      Promise.resolve({
        bytes: new Uint8Array([9]),
        mediaType: "image/png",
        name: "a.png",
      }),
  };
}

const PNG = {
  type: "image_url",
  image_url: { url: "data:image/png;base64,CQ==" },
};
const TEXT = { type: "text", text: "what?" };
const MP3 = {
  type: "input_audio",
  input_audio: { data: "AQI=", format: "mp3" },
};
const TOOL = {
  type: "function",
  function: { name: "look", parameters: { type: "object" } },
};

const TURNS: readonly [string, Columns, Body, Record<string, unknown>?][] = [
  ["a prompt", { text: "hi" }, { messages: [user("hi")] }],
  ["an empty prompt", { text: "" }, { messages: [user("")] }],
  ["a system prompt first", { text: "hi", system: "Be brief" }, {
    messages: [{ role: "system", content: "Be brief" }, user("hi")],
  }],
  ["speech with a prompt", { text: "what?", audio: audioOf("audio/mpeg") }, {
    messages: [user([TEXT, MP3])],
  }],
  ["speech alone", { audio: audioOf("audio/mpeg") }, {
    messages: [user([MP3])],
  }],
  [
    "the prompt option with speech that has no text",
    {
      audio: audioOf("audio/mpeg"),
    },
    { messages: [user([TEXT, MP3])] },
    { prompt: "what?" },
  ],
  [
    "the prompt option with an image that has no text",
    {
      images: [imageOf()],
    },
    { messages: [user([TEXT, PNG])] },
    { prompt: "what?" },
  ],
  [
    "the data's prompt in place of the prompt option",
    {
      text: "what?",
      audio: audioOf("audio/mpeg"),
    },
    { messages: [user([TEXT, MP3])] },
    { prompt: "Transcribe" },
  ],
  [
    "no prompt option with text alone",
    {
      messages: [{ role: "user", content: "hi" }],
    },
    { messages: [user("hi")] },
    { prompt: "what?" },
  ],
  ["speech by URL", { audio: audioOf("audio/flac") }, {
    messages: [user([{
      type: "audio_url",
      audio_url: { url: "data:audio/flac;base64,AQI=" },
    }])],
  }, { audioAs: "audio_url" }],
  ["images in order", { text: "what?", images: [imageOf(), imageOf()] }, {
    messages: [user([TEXT, PNG, PNG])],
  }],
  ["the data of an image with a URL", { images: [imageOf("http://p")] }, {
    messages: [user([PNG])],
  }],
  ["images by URL if they have one", {
    images: [imageOf("http://p"), imageOf()],
  }, {
    messages: [
      user([{ type: "image_url", image_url: { url: "http://p" } }, PNG]),
    ],
  }, { imagesAs: "url" }],
  ["tools unchanged", { text: "hi", tools: [TOOL] }, {
    messages: [user("hi")],
    tools: [TOOL],
  }],
  ["a chat unchanged", {
    messages: [
      { role: "system", content: "Be brief" },
      { role: "user", content: [{ kind: "text", text: "one" }] },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "c", name: "look", arguments: "{}" }, {
          name: "stop",
          arguments: "",
        }],
      },
      { role: "tool", content: "a cat", toolCallId: "c" },
      {
        role: "user",
        content: [
          { kind: "text", text: "what?" },
          { kind: "audio", audio: audioOf("audio/mpeg") },
          { kind: "image", image: imageOf() },
        ],
      },
    ],
  }, {
    messages: [
      { role: "system", content: "Be brief" },
      user("one"),
      {
        role: "assistant",
        content: "",
        tool_calls: [
          {
            id: "c",
            type: "function",
            function: { name: "look", arguments: "{}" },
          },
          { type: "function", function: { name: "stop", arguments: "" } },
        ],
      },
      { role: "tool", content: "a cat", tool_call_id: "c" },
      user([TEXT, MP3, PNG]),
    ],
  }],
  ["a chat followed by a prompt", {
    messages: [{ role: "assistant", content: "Yes?" }],
    text: "hi",
  }, { messages: [assistant("Yes?"), user("hi")] }],
];

for (const [name, columns, expected, options = {}] of TURNS) {
  Deno.test(`chatProtocol() sends ${name}`, async () => {
    const { model: _, ...body } = await bodyOf(
      { stream: false, ...options },
      columns,
    );
    assert.deepEqual(body, expected);
  });
}

const CALL = { id: "c9", name: "look", arguments: '{"at":1}' };
const CALLED = {
  id: "c9",
  type: "function",
  function: { name: "look", arguments: '{"at":1}' },
};

const HISTORIES: readonly [
  string,
  Record<string, unknown>,
  readonly (readonly [Columns, Output])[],
  Columns,
  readonly unknown[],
][] = [
  [
    "the server's answers",
    {},
    [
      [{ text: "one", answer: "scripted" }, { text: "eins", reasoning: "hm" }],
      [{ text: "two" }, { text: "zwei" }],
    ],
    { text: "three" },
    [
      user("one"),
      assistant("eins"),
      user("two"),
      assistant("zwei"),
      user("three"),
    ],
  ],
  [
    "the data's answers",
    { history: "scripted" },
    [[{ text: "one", answer: "un" }, { text: "eins" }]],
    { text: "two" },
    [user("one"), assistant("un"), user("two")],
  ],
  [
    "no history",
    { history: "none" },
    [[{ text: "one", system: "Be brief" }, { text: "eins" }]],
    { text: "two" },
    [user("two")],
  ],
  [
    "reasoning if requested",
    { historyReasoning: true },
    [
      [{ text: "one" }, { text: "eins", reasoning: "hm" }],
      [{ text: "two" }, { text: "zwei" }],
    ],
    { text: "three" },
    [
      user("one"),
      assistant("eins", { reasoning: "hm", reasoning_content: "hm" }),
      user("two"),
      assistant("zwei"),
      user("three"),
    ],
  ],
  [
    "the latest system prompt once and first",
    {},
    [
      [{ text: "one", system: "Be brief" }, { text: "eins" }],
      [{ text: "two", system: "Be kind" }, { text: "zwei" }],
    ],
    { text: "three" },
    [
      { role: "system", content: "Be kind" },
      user("one"),
      assistant("eins"),
      user("two"),
      assistant("zwei"),
      user("three"),
    ],
  ],
  [
    "a result for each call, alone or before a prompt",
    {},
    [
      [{ text: "one" }, {
        text: "",
        toolCalls: [CALL, { name: "stop", arguments: "" }],
      }],
      [{ toolResult: "a cat" }, { text: "hm", toolCalls: [CALL] }],
    ],
    { toolResult: "a dog", text: "and?" },
    [
      user("one"),
      assistant(null, {
        tool_calls: [CALLED, {
          id: "call_0_1",
          type: "function",
          function: { name: "stop", arguments: "" },
        }],
      }),
      { role: "tool", tool_call_id: "c9", content: "a cat" },
      { role: "tool", tool_call_id: "call_0_1", content: "a cat" },
      assistant("hm", { tool_calls: [CALLED] }),
      { role: "tool", tool_call_id: "c9", content: "a dog" },
      user("and?"),
    ],
  ],
  [
    "no unanswered call",
    {},
    [[{ text: "one" }, { text: "hm", toolCalls: [CALL] }]],
    { text: "two" },
    [user("one"), assistant("hm"), user("two")],
  ],
  [
    "no result if nothing was called",
    {},
    [[{ text: "one" }, { text: "eins" }]],
    { toolResult: "a cat", text: "two" },
    [user("one"), assistant("eins"), user("two")],
  ],
  [
    "media of earlier turns again",
    {},
    [[{ audio: audioOf("audio/mpeg") }, { text: "eins" }]],
    { text: "two" },
    [user([MP3]), assistant("eins"), user("two")],
  ],
  [
    "an answer without a text",
    {},
    [[{ text: "one" }, {}]],
    { text: "two" },
    [user("one"), assistant(""), user("two")],
  ],
];

for (const [name, options, before, columns, messages] of HISTORIES) {
  Deno.test(`chatProtocol() sends ${name} with a later turn`, async () => {
    const body = await bodyOf(
      { stream: false, maxOutputTokens: 3, ...options },
      columns,
      before,
    );
    assert.deepEqual(body, { model: "m", max_completion_tokens: 3, messages });
  });
}

Deno.test("chatProtocol() builds the body of a first turn ahead and only joins parts for later ones", async () => {
  const chats = requests();
  const first = await asked(chats, [], { text: "hi", system: "Be brief" });
  assert.equal(chats.request(first).body, first.prepared.body);
  const { head, system, own } = first.prepared;
  assert.deepEqual(own, ['{"role":"user","content":"hi"}']);
  assert.equal(
    new TextDecoder().decode(first.prepared.body),
    `${head}${system},${own.join("")}]}`,
  );
});

Deno.test("chatProtocol() sends any text unchanged", async () => {
  const words = fc.string({ unit: "binary" });
  await fc.assert(fc.asyncProperty(
    fc.array(fc.record({ text: words, said: words }), { maxLength: 4 }),
    fc.record({ text: words, system: words }),
    async (before, columns) => {
      const body = await bodyOf(
        { stream: false },
        columns,
        before.map(({ text, said }) => [{ text }, { text: said }]),
      );
      assert.deepEqual(body.messages, [
        { role: "system", content: columns.system },
        ...before.flatMap(({ text, said }) => [user(text), assistant(said)]),
        user(columns.text),
      ]);
    },
  ));
});

const REFUSED: readonly [string, Record<string, unknown>, Columns, RegExp][] = [
  ["an exact number of tokens without a number", { ignoreEos: true }, {
    text: "hi",
  }, /maxOutputTokens must be set if ignoreEos is true/],
  [
    "an exact number of tokens that the body removes",
    {
      ignoreEos: true,
      maxOutputTokens: 4,
      body: { max_completion_tokens: null },
    },
    { text: "hi" },
    /maxOutputTokens must be set/,
  ],
  ...(["none", "scripted"] as const).map((history) =>
    [
      `a result of calls that are not in the history (${history})`,
      { history },
      { toolResult: "a cat" },
      new RegExp(
        `^history must be answers for data with toolResult, but was ${history}$`,
      ),
    ] as [string, Record<string, unknown>, Columns, RegExp]
  ),
];

for (const [name, options, columns, message] of REFUSED) {
  Deno.test(`chatProtocol() rejects ${name} before the run`, async () => {
    await assert.rejects(requests(options).prepare({ columns }, never), {
      message,
    });
  });
}

Deno.test("chatProtocol() rejects a turn whose file cannot be read", async () => {
  const audio = {
    ...audioOf("audio/wav"),
    file: () => Promise.reject(new Error("gone.wav is gone")),
  };
  await assert.rejects(requests().prepare({ columns: { audio } }, never), {
    message: "gone.wav is gone",
  });
});

const LATE: readonly [
  string,
  Record<string, unknown>,
  readonly (readonly [Columns, Output])[],
  Columns,
  RegExp,
][] = [
  [
    "only a result if nothing was called",
    {},
    [[{ text: "one" }, { text: "eins" }]],
    { toolResult: "a cat" },
    /the model called nothing/,
  ],
  [
    "only a result in the first turn",
    {},
    [],
    { toolResult: "a cat" },
    /the model called nothing/,
  ],
  [
    "a scripted history without an answer",
    { history: "scripted" },
    [[{ text: "one" }, { text: "eins" }]],
    { text: "two" },
    /the data has no column "answer"/,
  ],
];

for (const [name, options, before, columns, message] of LATE) {
  Deno.test(`chatProtocol() fails ${name}`, async () => {
    const chats = requests(options);
    const request = await asked(chats, before, columns);
    assert.throws(() => chats.request(request), {
      class: "history_error",
      message,
    });
  });
}

const OPTIONS: readonly [string, Record<string, unknown>, RegExp][] = [
  ["messages in the body", { body: { messages: [] } }, /must not set messages/],
  ["reasoning in a history without answers", {
    historyReasoning: true,
    history: "none",
  }, /must be false unless history is answers/],
  ["an unknown way to send audio", { audioAs: "file" }, /input_audio/],
];

for (const [name, options, message] of OPTIONS) {
  Deno.test(`chatOptions rejects ${name}`, () => {
    const { error } = chatOptions.safeParse({ target: "http://a", ...options });
    assert.match(error?.message ?? "", message);
  });
}

Deno.test("chatProtocol() returns the text that it sent, for counting tokens", async () => {
  const chats = requests({
    body: { chat_template_kwargs: { enable_thinking: false } },
  });
  const before = [[{ text: "one", system: "Be brief" }, {
    text: "eins",
  }]] as const;
  const columns = { text: "two", tools: [TOOL] };
  assert.deepEqual(chats.sent!(await asked(chats, before, columns)), {
    text: "Be brief\none\neins\ntwo",
    tokenize: {
      messages: [
        { role: "system", content: "Be brief" },
        user("one"),
        assistant("eins"),
        user("two"),
      ],
      tools: [TOOL],
      chat_template_kwargs: { enable_thinking: false },
    },
  });
  const media: readonly Columns[] = [
    { audio: audioOf("audio/mpeg") },
    { text: "what?", images: [imageOf()] },
    {
      messages: [{
        role: "user",
        content: [{ kind: "audio", audio: audioOf("audio/mpeg") }],
      }],
    },
  ];
  for (const columns of media) {
    assert.equal(chats.sent!(await asked(chats, [], columns)), undefined);
    const later = await asked(chats, [[columns, { text: "a" }]], { text: "b" });
    assert.equal(chats.sent!(later), undefined);
  }
});
