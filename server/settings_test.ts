import assert from "node:assert/strict";
import { REQUEST_DEFAULTS, SESSION_DEFAULTS, startServer } from "./mod.ts";
import type { ServerOptions } from "./options.ts";
import { RANGES } from "./ranges.ts";
import { settingsOf } from "./settings.ts";

/** What is said of settings of requests in a query and in the header. */
function read({ query = "", header = "" }) {
  return settingsOf({
    url: `http://localhost/?${query}`,
    headers: new Headers({ "earshot-options": header }),
  }, { current: REQUEST_DEFAULTS, known: REQUEST_DEFAULTS, of: "requests" });
}

Deno.test("settingsOf() lets other names pass in a query, and refuses them in the header with the nearest", () => {
  assert.ok(typeof read({ query: "ttft=3&api-version=1" }) !== "string");
  const must =
    "as the header earshot-options must name options of requests: current value is";
  for (
    const [header, problem] of [
      ["ttft=3", `Cannot set ttft ${must} ttft; did you mean ttftMs?`],
      ["tfft=3", `Cannot set tfft ${must} tfft; did you mean ttftMs?`],
      ["itlMs=3&itl=3", `Cannot set itl ${must} itl; did you mean itlMs?`],
      ["outputTokns=3", /did you mean outputTokens\?$/],
      ["delayMs=3", /^Cannot set delayMs as .* options of requests/],
      ["faults=drop@done", /^Cannot set faults/],
      ["api-version=1", `Cannot set api-version ${must} api-version`],
    ] as const
  ) {
    const said = read({ header });
    assert.ok(typeof said === "string", header);
    if (typeof problem === "string") assert.equal(said, problem);
    else assert.match(said, problem);
  }
  const good = read({ header: "ttftMs=3&fault=drop@done" });
  assert.ok(typeof good !== "string");
  assert.deepEqual([good.options.ttftMs, good.options.faults.length], [3, 1]);
});

const WRONG: readonly [name: keyof ServerOptions, number, rule: string][] = [
  ["wordErrorRate", 2, "a number from 0 to 1"],
  ["ttftMs", -1, "a number of at least 0"],
  ["itlMs", Infinity, "a number of at least 0"],
  ["outputTokens", 2.5, "a whole number of at least 0"],
  ["tokensPerEvent", 0, "a whole number of at least 1"],
  ["dimensions", 1e9, "a whole number from 1 to 65536"],
  ["toolCalls", 1e9, "a whole number from 0 to 128"],
  ["clipMs", 0, "a number of at least 100"],
  ["maxModelLen", 1e12, "a whole number from 1 to 1048576"],
];

Deno.test("settingsOf() and startServer() take a number in its range, and name the range of another", async () => {
  for (const [name, value, rule] of WRONG) {
    const problem =
      `Cannot set ${name} as it must be ${rule}: current value is ${value}`;
    assert.equal(read({ query: `${name}=${value}` }), problem);
    assert.equal(read({ header: `${name}=${value}` }), problem);
    await assert.rejects(startServer({ [name]: value }), {
      name: "TypeError",
      message: problem,
    });
  }
  assert.equal(
    read({ query: "ttftMs=" }),
    'Cannot set ttftMs as it must be a number of at least 0: current value is ""',
  );
});

Deno.test("startServer() refuses what is wrong of the options that only it has", async () => {
  for (
    const [options, rule] of [
      [{ port: 70_000 }, "port as it must be a whole number from 0 to 65535"],
      [
        { maxNumSeqs: 0 },
        "maxNumSeqs as it must be a whole number of at least 1",
      ],
      [{ seed: NaN }, "seed as it must be a whole number:"],
      [
        { healthStatus: 99 },
        "healthStatus as it must be a whole number from 200",
      ],
      [{ segmentMs: 0 }, "segmentMs as it must be a number of at least 25"],
      [
        { dialect: "vlm" },
        "dialect as it must be vllm, openai, sglang, mistral or deepseek (did you mean vllm?)",
      ],
    ] as const
  ) {
    await assert.rejects(
      startServer(options as ServerOptions),
      ({ message }: Error) => message.startsWith(`Cannot set ${rule}`),
    );
  }
});

Deno.test("every number among the defaults is in its range", () => {
  for (
    const [name, value] of Object.entries({
      ...SESSION_DEFAULTS,
      ...REQUEST_DEFAULTS,
    })
  ) {
    if (typeof value !== "number") continue;
    const range = RANGES[name as keyof typeof RANGES];
    assert.ok(value >= range.min && value <= (range.max ?? Infinity), name);
  }
});
