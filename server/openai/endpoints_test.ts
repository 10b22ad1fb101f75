import assert from "node:assert/strict";
import {
  dataOf,
  eventsOf,
  masked,
  post,
  quickServer,
} from "../../tests/support/quick_server.ts";
import { unitVector } from "./embeddings.ts";

const PRINT = ',"system_fingerprint":"vllm-0.32.0-d2b7fb31"';

Deno.test("a completion is streamed and answered byte for byte as vLLM does it", async () => {
  await using server = await quickServer({ echo: true });
  const ask = (body: object) =>
    post(server, "/v1/completions", { body: { prompt: "one two", ...body } });
  const start =
    '{"id":"ID","object":"text_completion","created":0,"model":"m","choices":[';
  const chunk = (text: string, reason: string) =>
    `${start}{"index":0,"text":"${text}","logprobs":null,"finish_reason":${reason},"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]`;
  assert.deepEqual(dataOf((await ask({ stream: true })).text), [
    chunk("one", "null") + "}",
    chunk(" two", '"stop"') + PRINT + "}",
    "[DONE]",
  ]);
  const options = { include_usage: true, continuous_usage_stats: true };
  assert.deepEqual(
    dataOf((await ask({ stream: true, stream_options: options })).text),
    [
      chunk("one", "null") +
      ',"usage":{"prompt_tokens":2,"total_tokens":3,"completion_tokens":1}}',
      chunk(" two", '"stop"') +
      ',"usage":{"prompt_tokens":2,"total_tokens":4,"completion_tokens":2}}',
      `${start}],"usage":{"prompt_tokens":2,"total_tokens":4,"completion_tokens":2}${PRINT}}`,
      "[DONE]",
    ],
  );
  assert.equal(
    masked((await ask({})).text),
    '{"id":"ID","object":"text_completion","created":0,"model":"m","choices":[{"index":0,"text":"one two","logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"prompt_logprobs":null,"prompt_token_ids":null,"routed_experts":null}],"service_tier":null,"system_fingerprint":"vllm-0.32.0-d2b7fb31","usage":{"prompt_tokens":2,"total_tokens":4,"completion_tokens":2,"prompt_tokens_details":null,"completion_tokens_details":null},"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}',
  );
  const missing = await ask({ prompt: undefined });
  assert.deepEqual([missing.status, missing.text], [
    400,
    '{"error":{"message":"Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)","type":"BadRequestError","param":"prompt","code":400}}',
  ]);
});

Deno.test("several prompts have several completions each, of 16 tokens by default", async () => {
  await using server = await quickServer();
  const { text } = await post(server, "/v1/completions", {
    body: { prompt: ["one two", "three"], n: 2, echo: true },
  });
  const { choices, usage } = JSON.parse(text);
  assert.deepEqual(
    choices.map((choice: { index: number; finish_reason: string }) => [
      choice.index,
      choice.finish_reason,
    ]),
    [[0, "length"], [1, "length"], [2, "length"], [3, "length"]],
  );
  assert.ok(choices[1].text.startsWith("one two"));
  assert.ok(choices[2].text.startsWith("three"));
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [3, 64]);
});

const RESPONSE =
  '"incomplete_details":null,"instructions":null,"metadata":null,"model":"m","object":"response","output":OUTPUT,"parallel_tool_calls":true,"temperature":1,"tool_choice":"none","tools":[],"top_p":1,"background":false,"max_output_tokens":9,"max_tool_calls":null,"previous_response_id":null,"prompt":null,"reasoning":null,"service_tier":"auto","status":"STATUS","text":null,"top_logprobs":null,"truncation":"disabled","usage":USAGE,"user":null,"presence_penalty":0,"frequency_penalty":0,"kv_transfer_params":null,"ec_transfer_params":null,"input_messages":null,"output_messages":null}';

Deno.test("a response is streamed byte for byte as vLLM streams it", async () => {
  await using server = await quickServer({ echo: true });
  const { text } = await post(server, "/v1/responses", {
    body: { input: "one two", stream: true, max_output_tokens: 9 },
  });
  const response = (status: string, output = "[]", usage = "null") =>
    '"response":{"id":"ID","created_at":0,' +
    RESPONSE.replace("STATUS", status).replace("OUTPUT", output)
      .replace("USAGE", usage);
  const part = (text: string, logprobs: string) =>
    `{"annotations":[],"text":"${text}","type":"output_text","logprobs":${logprobs}}`;
  const item = (content: string, status: string) =>
    `{"id":"MSG","content":[${content}],"role":"assistant","status":"${status}","type":"message","phase":null}`;
  const whole = item(part("one two", "null"), "completed");
  const usage =
    '{"input_tokens":6,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"input_tokens_per_turn":[],"cached_tokens_per_turn":[]},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0,"tool_output_tokens":0,"output_tokens_per_turn":[],"tool_output_tokens_per_turn":[]},"total_tokens":8}';
  const at = '"content_index":0,"item_id":"MSG","output_index":0';
  const delta = (text: string) =>
    `"content_index":0,"delta":"${text}","item_id":"MSG","logprobs":[],"output_index":0`;
  const expected: [string, string][] = [
    ["response.created", response("in_progress")],
    ["response.in_progress", response("in_progress")],
    [
      "response.output_item.added",
      `"item":${item("", "in_progress")},"output_index":0`,
    ],
    ["response.content_part.added", `${at},"part":${part("", "[]")}`],
    ["response.output_text.delta", delta("one")],
    ["response.output_text.delta", delta(" two")],
    [
      "response.output_text.done",
      `"content_index":0,"item_id":"MSG","logprobs":[],"output_index":0,"text":"one two"`,
    ],
    ["response.content_part.done", `${at},"part":${part("one two", "null")}`],
    ["response.output_item.done", `"item":${whole},"output_index":0`],
    ["response.completed", response("completed", `[${whole}]`, usage)],
  ];
  const parsed = (json: string) => JSON.parse(json);
  const events = masked(text).replace(/msg_[0-9a-f]{16}/g, "MSG")
    .split("\n\n").filter(Boolean);
  assert.equal(events.length, expected.length);
  for (const [i, [type, fields]] of expected.entries()) {
    const [event, data] = events[i]!.split("\n");
    assert.equal(event, `event: ${type}`);
    const keys = Object.keys(parsed(data!.slice("data: ".length)));
    assert.deepEqual(keys, keys.toSorted());
    assert.deepEqual(
      parsed(data!.slice("data: ".length)),
      parsed(`{${fields},"sequence_number":${i},"type":"${type}"}`),
    );
  }
});

Deno.test("a response has items for reasoning, calls, refusals and text", async () => {
  await using server = await quickServer({ outputTokens: 4 });
  const types = async (query: string, body: object = {}) => {
    const { text } = await post(server, "/v1/responses", {
      body: { input: "x", stream: true, ...body },
      query,
    });
    return [...new Set(eventsOf(text).map(({ type }) => type))].slice(2, -1);
  };
  const item = "response.output_item";
  const part = "response.content_part";
  assert.deepEqual(await types("reasoningTokens=2"), [
    `${item}.added`,
    `${part}.added`,
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    `${part}.done`,
    `${item}.done`,
    "response.output_text.delta",
    "response.output_text.done",
  ]);
  assert.deepEqual(await types("refusal=true"), [
    `${item}.added`,
    `${part}.added`,
    "response.refusal.delta",
    "response.refusal.done",
    `${part}.done`,
    `${item}.done`,
  ]);
  const tools = [{ type: "function", name: "f", parameters: {} }];
  assert.deepEqual(await types("toolCalls=2", { tools }), [
    `${item}.added`,
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    `${item}.done`,
  ]);
});

Deno.test("a response that is cut short has that status, in the last event of vLLM and in an own event of OpenAI", async () => {
  await using server = await quickServer();
  const last = async (query: string) => {
    const { text } = await post(server, "/v1/responses", {
      body: { input: "x", stream: true, max_output_tokens: 2 },
      query,
    });
    const { type, response } = eventsOf(text).at(-1);
    return [type, response.status, response.incomplete_details.reason];
  };
  const why = ["incomplete", "max_output_tokens"];
  assert.deepEqual(await last(""), ["response.completed", ...why]);
  assert.deepEqual(await last("dialect=openai"), [
    "response.incomplete",
    ...why,
  ]);
});

Deno.test("a response continues the one before it, if that is known", async () => {
  await using server = await quickServer({ echo: true });
  const ask = (body: object, query = "") =>
    post(server, "/v1/responses", { body, query });
  const first = JSON.parse((await ask({ input: "one two" })).text);
  const { id, usage } = first;
  const second = JSON.parse(
    (await ask({ input: "three", previous_response_id: id })).text,
  );
  assert.equal(usage.input_tokens, 1 + 3 + 2);
  assert.equal(second.usage.input_tokens, 6 + 3 + 2 + 3 + 1);
  const unknown = { input: "x", previous_response_id: "resp_1" };
  const refused = await ask(unknown);
  assert.deepEqual([refused.status, refused.text], [
    404,
    `{"error":{"message":"Response with id 'resp_1' not found.","type":"invalid_request_error","param":"response_id","code":404}}`,
  ]);
  const elsewhere = await ask(unknown, "dialect=openai");
  assert.equal(elsewhere.status, 400);
  assert.match(elsewhere.text, /previous_response_not_found/);
  const forgotten = JSON.parse(
    (await ask({ input: "one", store: false })).text,
  );
  const after = await ask({ input: "x", previous_response_id: forgotten.id });
  assert.equal(after.status, 404);
});

Deno.test("an embedding is a unit vector that follows from its text", async () => {
  await using server = await quickServer();
  const ask = async (body: object) =>
    (await post(server, "/v1/embeddings", { body })).text;
  const { data, usage, ...rest } = JSON.parse(
    masked(await ask({ input: ["one two", "three"], dimensions: 8 })),
  );
  assert.deepEqual(rest, { id: "ID", object: "list", created: 0, model: "m" });
  assert.deepEqual(usage, {
    prompt_tokens: 3,
    total_tokens: 3,
    completion_tokens: 0,
    prompt_tokens_details: null,
    completion_tokens_details: null,
  });
  assert.deepEqual(
    data.map((item: { index: number; object: string }) => [
      item.index,
      item.object,
    ]),
    [[0, "embedding"], [1, "embedding"]],
  );
  const [{ embedding }, other] = data;
  assert.equal(embedding.length, 8);
  const length = Math.hypot(...embedding);
  assert.ok(Math.abs(length - 1) < 1e-6, `${length}`);
  assert.notDeepEqual(embedding, other.embedding);
  const again = JSON.parse(
    await ask({ input: "one two", dimensions: 8, encoding_format: "base64" }),
  );
  const bytes = Uint8Array.fromBase64(again.data[0].embedding);
  assert.deepEqual([...new Float32Array(bytes.buffer)], embedding);
  assert.equal(unitVector("x", 384, 1).length, 384);
  const refused = await post(server, "/v1/embeddings", { body: {} });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /'loc': 'body.input'/);
});

Deno.test("/detokenize reverses /tokenize", async () => {
  await using server = await quickServer({ maxModelLen: 2048 });
  const ask = async (path: string, body: object) =>
    JSON.parse((await post(server, path, { body })).text);
  const counted = await ask("/tokenize", {
    prompt: "Hello there",
    return_token_strs: true,
  });
  assert.deepEqual(Object.keys(counted), [
    "count",
    "max_model_len",
    "tokens",
    "token_strs",
  ]);
  assert.deepEqual([counted.count, counted.max_model_len], [2, 2048]);
  assert.deepEqual(counted.token_strs, ["Hello", " there"]);
  const { tokens } = counted;
  assert.deepEqual(await ask("/detokenize", { tokens }), {
    prompt: "Hello there",
  });
  const plain = await ask("/tokenize", { prompt: "Hello" });
  assert.equal(plain.token_strs, null);
  const { error } = await ask("/tokenize", { model: "m" });
  assert.equal(
    error.message,
    "2 validation errors:\n  {'type': 'missing', 'loc': 'body.prompt', 'msg': 'Field required', 'input': '<dict of 1 items>'}\n  {'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of 1 items>'}",
  );
});
