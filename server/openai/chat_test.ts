import assert from "node:assert/strict";
import {
  dataOf,
  eventsOf,
  masked,
  post,
  quickServer,
} from "../../tests/support/quick_server.ts";

const PATH = "/v1/chat/completions";
const HELLO = [{ role: "user", content: "one two" }];
const CHUNK =
  '{"id":"ID","object":"chat.completion.chunk","created":0,"model":"m","choices":[';
const ROLE =
  `${CHUNK}{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]`;
const OPENING = ',"prompt_token_ids":null,"prompt_text":null}';

function content(text: string, end = '"finish_reason":null'): string {
  return `${CHUNK}{"index":0,"delta":{"content":"${text}"},"logprobs":null,${end},"token_ids":null}]`;
}

const STOP = '"finish_reason":"stop","stop_reason":null';
const PRINT = ',"system_fingerprint":"vllm-0.32.0-d2b7fb31"';

Deno.test("a chat is streamed byte for byte as vLLM streams it", async () => {
  await using server = await quickServer({ echo: true });
  const ask = async (options: object) =>
    dataOf(
      (await post(server, PATH, {
        body: { model: "m", messages: HELLO, stream: true, ...options },
      })).text,
    );
  assert.deepEqual(await ask({}), [
    ROLE + OPENING,
    content("one") + "}",
    content(" two", STOP) + PRINT + "}",
    "[DONE]",
  ]);
  const usage = (completion: number, more = "") =>
    `,"usage":{"prompt_tokens":6,"total_tokens":${
      6 + completion
    },"completion_tokens":${completion}${more}}`;
  assert.deepEqual(await ask({ stream_options: { include_usage: true } }), [
    ROLE + OPENING,
    content("one") + "}",
    content(" two", STOP) + "}",
    `${CHUNK}]${usage(2)}${PRINT}}`,
    "[DONE]",
  ]);
  const details = ',"completion_tokens_details":null';
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  assert.deepEqual(await ask({ stream_options }), [
    ROLE + usage(0, details) + OPENING,
    content("one") + usage(1, details) + "}",
    content(" two", STOP) + usage(2, details) + "}",
    `${CHUNK}]${usage(2)}${PRINT}}`,
    "[DONE]",
  ]);
});

Deno.test("a chat is answered whole as vLLM answers it", async () => {
  await using server = await quickServer({ echo: true });
  const { status, type, text } = await post(server, PATH, {
    body: { messages: HELLO },
  });
  assert.deepEqual([status, type], [200, "application/json"]);
  assert.equal(
    masked(text),
    '{"id":"ID","object":"chat.completion","created":0,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"one two","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"routed_experts":null}],"service_tier":null,"system_fingerprint":"vllm-0.32.0-d2b7fb31","usage":{"prompt_tokens":6,"total_tokens":8,"completion_tokens":2,"prompt_tokens_details":null,"completion_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}',
  );
});

Deno.test("a chat that cannot be answered is refused as vLLM refuses it", async () => {
  await using server = await quickServer({ maxModelLen: 100 });
  const bad = (
    message: string,
    { type = "BadRequestError", param = null as string | null, code = 400 } =
      {},
  ) => [code, JSON.stringify({ error: { message, type, param, code } })];
  const found = (finding: string, param: string) =>
    bad(`1 validation error:\n  {${finding}}`, { type: "Bad Request", param });
  const long = [{ role: "user", content: "word ".repeat(200) }];
  const cases: [unknown, unknown][] = [
    [
      { model: "no-such", messages: HELLO, stream: true },
      bad("The model `no-such` does not exist. Valid aliases: m.", {
        type: "NotFoundError",
        param: "model",
        code: 404,
      }),
    ],
    [
      { model: "m" },
      found(
        "'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of 1 items>'",
        "body.messages",
      ),
    ],
    [
      "{bad",
      found(
        "'type': 'json_invalid', 'loc': 'body.1', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting property name enclosed in double quotes'}",
        "body.1",
      ),
    ],
    [
      "[]",
      found(
        "'type': 'model_attributes_type', 'loc': 'body', 'msg': 'Input should be a valid dictionary or object to extract fields from', 'input': '<list of 0 items>'",
        "body",
      ),
    ],
    [
      { messages: "x" },
      found(
        "'type': 'list_type', 'loc': 'body.messages', 'msg': 'Input should be a valid list', 'input': 'x'",
        "body.messages",
      ),
    ],
    [
      { messages: [] },
      bad(
        "Cannot apply chat template to an empty conversation. Provide at least one message.",
      ),
    ],
    [
      { messages: HELLO, max_tokens: 100_000 },
      bad(
        "max_tokens=100000 cannot be greater than max_model_len=100. Please request fewer output tokens. (parameter=max_tokens, value=100000)",
        { param: "max_tokens" },
      ),
    ],
    [
      { messages: HELLO, max_completion_tokens: 0 },
      bad(
        "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
        { param: "max_tokens" },
      ),
    ],
    [
      { messages: HELLO, max_tokens: "a" },
      found(
        "'type': 'int_parsing', 'loc': 'body.max_tokens', 'msg': 'Input should be a valid integer, unable to parse string as an integer', 'input': 'a'",
        "body.max_tokens",
      ),
    ],
    [
      { messages: HELLO, stream_options: { include_usage: true } },
      bad(
        "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
        { param: "stream_options" },
      ),
    ],
    [{ messages: HELLO, n: 0 }, bad("n must be at least 1, got 0.")],
    [
      { messages: long },
      bad(
        "This model's maximum context length is 100 tokens. However, your prompt contains at least 101 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=101)",
        { param: "input_tokens" },
      ),
    ],
  ];
  for (const [body, expected] of cases) {
    const { status, text } = await post(server, PATH, { body });
    assert.deepEqual([status, text], expected);
  }
  const { status, text } = await post(server, PATH, {
    body: { messages: HELLO },
    headers: { "content-type": "text/plain" },
  });
  assert.equal(status, 400);
  assert.match(text, /Unsupported Media Type: Only 'application\/json'/);
});

Deno.test("the endpoints ask for the key, and for POST", async () => {
  await using server = await quickServer({ apiKey: "k", pathPrefix: "/a" });
  const body = { messages: HELLO };
  const refused = await post(server, `/a${PATH}`, { body });
  assert.deepEqual([refused.status, refused.text], [
    401,
    '{"error":"Unauthorized"}',
  ]);
  const headers = { authorization: "Bearer k" };
  const allowed = await post(server, `/a${PATH}`, { body, headers });
  assert.equal(allowed.status, 200);
  const get = await fetch(`${server.url}/a${PATH}`, { headers });
  assert.deepEqual([get.status, get.headers.get("allow"), await get.text()], [
    405,
    "POST",
    '{"detail":"Method Not Allowed"}',
  ]);
  const elsewhere = await post(server, "/v1/nope", { body, headers });
  assert.deepEqual([elsewhere.status, elsewhere.text], [
    404,
    '{"detail":"Not Found"}',
  ]);
});

Deno.test("an answer has as many tokens as requested, and the reason why it ends", async () => {
  await using server = await quickServer({ outputTokens: 10 });
  const ask = async (body: object, query = "") => {
    const { text } = await post(server, PATH, {
      body: { messages: HELLO, ...body },
      query,
    });
    const { choices, usage } = JSON.parse(text);
    return [usage.completion_tokens, choices[0].finish_reason];
  };
  assert.deepEqual(await ask({}), [10, "stop"]);
  assert.deepEqual(await ask({ max_tokens: 4 }), [4, "length"]);
  assert.deepEqual(await ask({ max_tokens: 40 }), [10, "stop"]);
  assert.deepEqual(await ask({ max_tokens: 40, min_tokens: 20 }), [20, "stop"]);
  const exact = { max_completion_tokens: 40, ignore_eos: true };
  assert.deepEqual(await ask(exact), [40, "length"]);
  assert.deepEqual(await ask(exact, "echo=true"), [40, "length"]);
  assert.deepEqual(await ask({ ignore_eos: true }, "maxModelLen=50"), [
    44,
    "length",
  ]);
  assert.deepEqual(await ask({}, "reasoningTokens=6"), [10, "stop"]);
});

Deno.test("reasoning comes first, in the field that is set", async () => {
  await using server = await quickServer({ outputTokens: 5 });
  for (const field of ["reasoning", "reasoning_content"]) {
    const query = `reasoningTokens=2&reasoningField=${field}`;
    const body = { messages: HELLO, stream: true };
    const deltas = eventsOf((await post(server, PATH, { body, query })).text)
      .map(({ choices }) => Object.keys(choices[0].delta).join());
    assert.deepEqual(deltas, [
      "role,content",
      field,
      field,
      "content",
      "content",
      "content",
    ]);
    const whole = JSON.parse(
      (await post(server, PATH, { body: { messages: HELLO }, query })).text,
    );
    assert.equal(whole.usage.completion_tokens_details.reasoning_tokens, 2);
    assert.match(whole.choices[0].message[field], /^\w+ ?\w+$/);
  }
});

Deno.test("functions are called, name then arguments, until their calls are answered", async () => {
  await using server = await quickServer({ toolCalls: 2 });
  const tools = [{ type: "function", function: { name: "f" } }, {
    type: "function",
    function: { name: "g" },
  }];
  const body = { messages: HELLO, tools };
  const { choices: [choice] } = JSON.parse(
    (await post(server, PATH, { body })).text,
  );
  assert.equal(choice.finish_reason, "tool_calls");
  assert.equal(choice.message.content, null);
  const calls = choice.message.tool_calls;
  assert.deepEqual(
    calls.map((call: { function: { name: string } }) => call.function.name),
    ["f", "g"],
  );
  for (const call of calls) JSON.parse(call.function.arguments);

  const streamed = eventsOf(
    (await post(server, PATH, { body: { ...body, stream: true } })).text,
  ).flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
  assert.equal(streamed[0].function.name, "f");
  assert.equal(streamed[0].function.arguments, undefined);
  const second = streamed.filter(({ index }) => index === 1);
  assert.equal(second[0].function.name, "g");
  JSON.parse(
    second.slice(1).map((part) => part.function.arguments).join(""),
  );

  const messages = [
    ...HELLO,
    choice.message,
    { role: "tool", tool_call_id: calls[0].id, content: "42" },
  ];
  const next = JSON.parse(
    (await post(server, PATH, { body: { messages, tools } })).text,
  );
  assert.equal(next.choices[0].finish_reason, "stop");
  assert.equal(typeof next.choices[0].message.content, "string");
});

Deno.test("several answers to a chat come side by side", async () => {
  await using server = await quickServer({ outputTokens: 3 });
  const body = {
    messages: HELLO,
    n: 2,
    stream: true,
    stream_options: { include_usage: true },
  };
  const events = eventsOf((await post(server, PATH, { body })).text);
  assert.deepEqual(
    events.slice(0, -1).map(({ choices }) => choices[0].index),
    [0, 1, 0, 1, 0, 1, 0, 1],
  );
  assert.equal(events.at(-1).usage.completion_tokens, 6);
  const query = "usageStyle=finish";
  const inLast = eventsOf((await post(server, PATH, { body, query })).text);
  assert.equal(inLast.at(-1).choices[0].index, 1);
  assert.equal(inLast.at(-1).usage.completion_tokens, 6);
});

Deno.test("events carry several tokens, or none, as set", async () => {
  await using server = await quickServer({ outputTokens: 10 });
  const texts = async (query: string) => {
    const body = { messages: HELLO, stream: true };
    const events = eventsOf((await post(server, PATH, { body, query })).text);
    return events.slice(1).map(({ choices }) => choices[0].delta.content);
  };
  assert.equal((await texts("tokensPerEvent=4")).length, 3);
  const empty = await texts("emptyEvery=3");
  assert.equal(empty.length, 10);
  assert.deepEqual(
    [2, 5, 8].map((i) => empty[i]),
    ["", "", ""],
  );
  assert.ok(empty.at(-1) !== "");
});

Deno.test("a stream's usage, role and end follow the settings", async () => {
  await using server = await quickServer({ outputTokens: 2 });
  const ask = async (query: string, body = {}) =>
    dataOf(
      (await post(server, PATH, {
        body: { messages: HELLO, stream: true, ...body },
        query,
      })).text,
    );
  const withUsage = (events: string[]) =>
    events.map((event) => event.includes('"usage":{'));
  assert.deepEqual(withUsage(await ask("usageStyle=final")), [
    false,
    false,
    false,
    true,
    false,
  ]);
  assert.deepEqual(withUsage(await ask("usageStyle=finish")), [
    false,
    false,
    true,
    false,
  ]);
  assert.deepEqual(withUsage(await ask("usageStyle=every")), [
    true,
    true,
    true,
    true,
    false,
  ]);
  const asked = { stream_options: { include_usage: true } };
  assert.equal((await ask("usageStyle=none", asked)).length, 4);
  assert.equal((await ask("done=false")).at(-1)!.includes("DONE"), false);
  assert.equal((await ask("roleChunk=none")).length, 3);
  const cached = JSON.parse((await ask("cachedTokens=3", asked)).at(-2)!);
  assert.deepEqual(cached.usage.prompt_tokens_details, { cached_tokens: 3 });
  const refused = await post(server, PATH, {
    body: { messages: HELLO, stream: true, ...asked },
    query: "refuseStreamOptions=true",
  });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /stream_options/);
});

Deno.test("the dialect openai has its ids, its end and its errors", async () => {
  await using server = await quickServer({ dialect: "openai", echo: true });
  const stream_options = { include_usage: true };
  const { text } = await post(server, PATH, {
    body: { messages: HELLO, stream: true, stream_options },
  });
  const events = eventsOf(text.replaceAll("chatcmpl-", "chatcmpl="));
  assert.match(events[0].id.replace("=", "-"), /^chatcmpl-[0-9a-f]{32}$/);
  const finish = events.find(({ choices }) => choices[0]?.finish_reason);
  assert.ok(!finish.choices[0].delta.content);
  const said = events.map(({ choices }) => choices[0]?.delta.content ?? "");
  assert.equal(said.join(""), "one two");
  const last = events.at(-1);
  assert.equal(last.choices.length, 0);
  assert.deepEqual(
    [last.usage.prompt_tokens, last.usage.completion_tokens],
    [6, 2],
  );
  assert.deepEqual(events.slice(0, -1).map(({ usage }) => usage), [
    null,
    null,
    null,
    null,
  ]);
  const refused = await post(server, PATH, {
    body: { model: "x", messages: HELLO },
  });
  assert.equal(refused.status, 404);
  assert.equal(JSON.parse(refused.text).error.code, "model_not_found");
});

Deno.test("the same seed gives the same answers, another seed different ones", async () => {
  const answer = async (seed: number) => {
    await using server = await quickServer({ seed, outputTokensJitter: 50 });
    return (await post(server, PATH, { body: { messages: HELLO } })).text
      .replace(/"created":\d+/, "");
  };
  assert.equal(await answer(1), await answer(1));
  assert.notEqual(masked(await answer(1)), masked(await answer(2)));
});

Deno.test("a chat's prompt has the tokens that /tokenize counts, and those of its media", async () => {
  await using server = await quickServer({ imageTokens: 50 });
  const messages = [
    { role: "system", content: "You are kind" },
    { role: "user", content: [{ type: "text", text: "Who is this?" }] },
  ];
  const tools = [{ type: "function", function: { name: "f" } }];
  const tokens = async (messages: unknown) => {
    const { text } = await post(server, PATH, { body: { messages, tools } });
    return JSON.parse(text).usage.prompt_tokens;
  };
  const counted = await post(server, "/tokenize", {
    body: { messages, tools },
  });
  const { count } = JSON.parse(counted.text);
  assert.equal(await tokens(messages), count);
  const image = { type: "image_url", image_url: { url: "data:," } };
  const more = [...messages, { role: "user", content: [image] }];
  assert.equal(await tokens(more), count + 3 + 50);
});

Deno.test("an answer is spoken if its modalities ask for audio: a transcript, and its sound", async () => {
  await using server = await quickServer({ echo: true });
  const body = {
    messages: HELLO,
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "pcm16" },
  };
  const streamed = eventsOf(
    (await post(server, PATH, { body: { ...body, stream: true } })).text,
  ).slice(1).map(({ choices }) => choices[0]);
  assert.deepEqual(
    streamed.map(({ delta }) => delta.audio.transcript),
    ["one", undefined, " two", undefined],
  );
  const sound = Uint8Array.fromBase64(streamed[1].delta.audio.data);
  assert.equal(sound.length, 24_000 * 2 * 0.08);
  assert.equal(streamed.at(-1).finish_reason, "stop");
  const whole = JSON.parse((await post(server, PATH, { body })).text);
  const { message } = whole.choices[0];
  assert.equal(message.content, null);
  assert.equal(message.audio.transcript, "one two");
  assert.equal(Uint8Array.fromBase64(message.audio.data).length, 7680);
});
