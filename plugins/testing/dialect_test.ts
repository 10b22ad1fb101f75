import assert from "node:assert/strict";
import {
  assertBroken,
  failures,
  pluginOf,
} from "../../tests/support/broken_plugins.ts";
import { type Dialect, type DialectStep, jsonObject } from "../dialect.ts";
import { testDialect } from "./mod.ts";
import { checksOf } from "../../tests/support/checks.ts";

const good: Dialect<string> = {
  path: "/",
  sampleRateHz: 16_000,
  start: () => ({ state: "", events: [{ kind: "ready" }] }),
  receive(state, message) {
    const { text } = jsonObject(message);
    return text === undefined
      ? { state, events: [{ kind: "done", text: state }] }
      : { state: state + text, events: [] };
  },
  begin: () => ["begin"],
  append: (audio) => audio,
  end: () => ["end"],
};

const checks = (parts: Partial<Dialect<string>>) =>
  checksOf(testDialect, pluginOf("dialect", () => ({ ...good, ...parts })), {
    messages: ['{"text":"a"}', '{"text":"b"}', "{}"],
    transcript: "ab",
  });

Deno.test("testDialect() accepts a good dialect", async () => {
  assert.deepEqual(await failures(checks({})), {});
});

Deno.test("testDialect() catches every kind of broken dialect", async () => {
  let count = 0;
  const utterance = "translates the messages of an utterance";
  const step = (events: unknown) => () =>
    ({ state: "", events }) as DialectStep<string>;
  const cases: [string, RegExp, Partial<Dialect<string>>][] = [
    ["describes itself", /path must begin with \//, { path: "x" }],
    ["describes itself", /sampleRateHz must be/, { sampleRateHz: 0.5 }],
    ["describes itself", /encoding must be one of/, {
      encoding: "mp3" as never,
    }],
    ["opens the WebSocket with text", /must be strings, but was 16000/, {
      handshake: () => ({ query: { rate: 16_000 as never } }),
    }],
    ["sends text or bytes", /append\(\) must return a message/, {
      append: () => [],
    }],
    ["sends text or bytes", /must be strings or bytes, but was 1/, {
      end: () => [1 as never],
    }],
    ["does not keep or change the audio", /must not change the audio/, {
      append: (audio) => audio.fill(0),
    }],
    ["does not keep or change the audio", /the same message/, {
      append: () => String(count++),
    }],
    [utterance, /must become ready/, { start: step([]) }],
    [utterance, /must end once, but was 0/, { receive: step([]) }],
    [utterance, /transcript must be "ab", but was "x"/, {
      receive: (state, message) =>
        message === "{}" ? step([{ kind: "done", text: "x" }])() : {
          state,
          events: [],
        },
    }],
    [utterance, /kind of an event must be one of/, {
      receive: step([{ kind: "finished" }]),
    }],
    ["keeps its state in its steps", /the same steps/, {
      start: () => ({ state: `${count++}`, events: [{ kind: "ready" }] }),
    }],
    ["survives unknown messages", /must throw an Error/, {
      receive: () => {
        // deno-lint-ignore no-throw-literal -- the check must reject it
        throw "no";
      },
    }],
  ];
  await assertBroken(
    cases,
    checks({}),
    (parts, promise) => failures(checks(parts), promise),
  );
});
