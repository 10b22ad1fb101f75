import assert from "node:assert/strict";
import { startServer } from "./mod.ts";
import {
  DEFAULTS,
  readOptions,
  REQUEST_SETTINGS,
  type ServerOptions,
  SESSION_SETTINGS,
  type Settings,
} from "./settings.ts";

/** Reads the options of a request from its query and header. */
function read({ query = "", header = "" }) {
  return readOptions({ query, header }, DEFAULTS, REQUEST_SETTINGS);
}

Deno.test("readOptions() ignores unknown names in a query, and refuses them in the header with the nearest", () => {
  read({ query: "ttft=3&api-version=1" });
  for (
    const [header, name, near] of [
      ["ttft=3", "ttft", "ttftMs"],
      ["tfft=3", "tfft", "ttftMs"],
      ["itlMs=3&itl=3", "itl", "itlMs"],
      ["outputTokns=3", "outputTokns", "outputTokens"],
      ["faults=drop@done", "faults", undefined],
      ["api-version=1", "api-version", undefined],
    ] as const
  ) {
    const hint = near ? `; did you mean "${near}"?` : "";
    assert.throws(() => read({ header }), {
      name: "TypeError",
      message: `earshot-options: unknown setting "${name}"${hint}`,
    });
  }
  assert.throws(
    () => read({ header: "delayMs=3" }),
    /unknown setting "delayMs"/,
  );
  const good = read({ header: "ttftMs=3&fault=drop@done" });
  assert.deepEqual([good.ttftMs, good.faults.length], [3, 1]);
});

const WRONG: readonly [name: keyof ServerOptions, number, rule: string][] = [
  ["wordErrorRate", 2, "a number between 0 and 1"],
  ["ttftMs", -1, "a number of at least 0"],
  ["itlMs", Infinity, "a number of at least 0"],
  ["outputTokens", 2.5, "a whole number of at least 0"],
  ["tokensPerEvent", 0, "a whole number of at least 1"],
  ["dimensions", 1e9, "a whole number between 1 and 65536"],
  ["toolCalls", 1e9, "a whole number between 0 and 128"],
  ["clipMs", 0, "a number of at least 100"],
  ["maxModelLen", 1e12, "a whole number between 1 and 1048576"],
];

Deno.test("readOptions() and startServer() take a number in its range, and name the range of another", async () => {
  for (const [name, value, rule] of WRONG) {
    const error = {
      name: "TypeError",
      message: `${name} must be ${rule}, but was ${value}`,
    };
    assert.throws(() => read({ query: `${name}=${value}` }), error);
    assert.throws(() => read({ header: `${name}=${value}` }), error);
    await assert.rejects(startServer({ [name]: value }), error);
  }
  assert.throws(
    () => read({ query: "done=constructor" }),
    { message: "done must be true or false, but was constructor" },
  );
  assert.throws(
    () => read({ query: "ttftMs=" }),
    { message: 'ttftMs must be a number of at least 0, but was ""' },
  );
});

Deno.test("startServer() refuses wrong values of the options that only it has", async () => {
  for (
    const [options, message] of [
      [{ port: 70_000 }, "port must be a whole number between 0 and 65535"],
      [{ maxNumSeqs: 0 }, "maxNumSeqs must be a whole number of at least 1"],
      [{ seed: NaN }, "seed must be a whole number, but was NaN"],
      [
        { healthStatus: 99 },
        "healthStatus must be a whole number between 200 and 599",
      ],
      [{ segmentMs: 0 }, "segmentMs must be a number of at least 25"],
      [
        { dialect: "vlm" },
        'dialect must be vllm or openai, but was vlm; did you mean "vllm"?',
      ],
    ] as const
  ) {
    await assert.rejects(
      startServer(options as ServerOptions),
      (error: Error) => error.message.startsWith(message),
    );
  }
});

Deno.test("every default follows its setting's rule", () => {
  const all: Settings = { ...SESSION_SETTINGS, ...REQUEST_SETTINGS };
  for (const [name, setting] of Object.entries(all)) {
    if (name === "finalTokenMs") continue;
    assert.equal(setting.read(String(setting.default)), setting.default, name);
  }
});
