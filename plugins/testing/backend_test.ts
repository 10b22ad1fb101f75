import assert from "node:assert/strict";
import { echo } from "../../backends/echo.ts";
import type { Backend, Call } from "../../core/contract.ts";
import {
  assertBroken,
  failures,
  GENEROUS,
  LIMITS,
  pluginOf,
  sleep,
} from "../../tests/support/broken_plugins.ts";
import type { OpenContext } from "../plugin.ts";
import { testBackend } from "./mod.ts";
import { checksOf } from "../../tests/support/checks.ts";

testBackend(echo({}));

const good = (): Backend => ({
  needs: ["text"],
  facts: { model: "none" },
  prepare: (turn) => Promise.resolve({ text: turn.columns.text }),
  async send(_request, call) {
    await call.clock.sleepUntil(call.clock.now() + 5, call.signal);
    call.mark("connected");
    call.mark("ready");
    call.output(call.read(2), { kind: "text", text: "ok" });
    return { usage: { outputTokens: 1 } };
  },
});

/** Returns the failures of a backend that differs from a good one in the given members. */
async function fault(
  parts: Partial<Backend> | ((context: OpenContext) => Partial<Backend>),
  only?: string,
): Promise<Record<string, string>> {
  const it = pluginOf("backend", (context) => ({
    ...good(),
    ...(typeof parts === "function" ? parts(context) : parts),
  }));
  const env = { KEY: "s3cret" };
  const limits = only === undefined ? GENEROUS : LIMITS;
  return await failures(checksOf(testBackend, it, { ...limits, env }), only);
}

/** A backend that answers as isStarted. */
const sends = (send: (call: Call) => unknown): Partial<Backend> => ({
  send: async (_request, call) => (await send(call)) as never,
});

Deno.test("testBackend() finds nothing wrong with a good backend", async () => {
  assert.deepEqual(await fault({}), {});
  const prepares = {
    prepare: () => Promise.resolve({ list: [1, new Uint8Array(2)] }),
  };
  assert.deepEqual(await fault(prepares), {});
});

Deno.test("testBackend() catches every kind of broken backend", async () => {
  let count = 0;
  const opened = { now: false };
  const cases: [string, RegExp, Parameters<typeof fault>[0]][] = [
    ["can be opened twice at the same time", /only one/, () => {
      if (opened.now) throw new Error("only one");
      opened.now = true;
      return {
        [Symbol.asyncDispose]: () => (opened.now = false, Promise.resolve()),
      };
    }],
    ["describes itself in plain data", /needs must be a list/, {
      needs: "text" as never,
    }],
    [
      "describes itself in plain data",
      /turn must have every column/,
      { needs: ["audio"] },
    ],
    [
      "describes itself in plain data",
      /facts\.when must be plain JSON/,
      { facts: { when: new Date(0) } },
    ],
    [
      "describes itself in plain data",
      /must not contain a secret/,
      ({ env }) => ({ facts: { key: `Bearer ${env("KEY")}` } }),
    ],
    [
      "prepares a turn without changing it",
      /the same value for the same turn/,
      { prepare: () => Promise.resolve(count++) },
    ],
    [
      "answers",
      /must resolve with an object/,
      sends((call) => void call.output(call.read(1), { kind: "text" })),
    ],
    [
      "answers",
      /usage.outputTokens must be a whole number from 0 on, or absent if unknown, but was -1/,
      sends((call) => {
        call.output(call.read(1), { kind: "text" });
        return { usage: { outputTokens: -1 } };
      }),
    ],
    [
      "answers",
      /must record output/,
      sends(() => ({})),
    ],
    [
      "stamps each read before its output",
      /read\(\) must be called before/,
      sends((call) => {
        call.output(call.clock.now(), { kind: "text", text: "x" });
        return {};
      }),
    ],
    [
      "stamps each read before its output",
      /a time that read\(\) returned/,
      sends((call) => {
        call.output(call.read(1) + 1, { kind: "text", text: "x" });
        return {};
      }),
    ],
    [
      "stamps each read before its output",
      /kind of a delta must be one of text, .*, but was "word"/,
      sends((call) => {
        call.output(call.read(1), { kind: "word" as never });
        return {};
      }),
    ],
    [
      "marks instants in order, within the request",
      /connected must not be later than ready/,
      sends(async (call) => {
        call.mark("ready");
        await call.clock.sleepUntil(call.clock.now() + 2);
        call.mark("connected");
        return { text: "" };
      }),
    ],
    [
      "marks instants in order, within the request",
      /ready must lie within/,
      sends((call) => {
        call.mark("ready", call.clock.now() + 1e6);
        return { text: "" };
      }),
    ],
    [
      "marks instants in order, within the request",
      /marked once/,
      sends((call) => {
        call.mark("ready");
        call.mark("ready");
        return { text: "" };
      }),
    ],
    [
      "marks instants in order, within the request",
      /endMs of chunks must ascend/,
      sends((call) => {
        for (const endMs of [100, 100]) {
          call.audioSent({ atMs: call.clock.now(), endMs });
        }
        return { text: "" };
      }),
    ],
    [
      "records nothing after the answer",
      /send\(\) must record nothing after it ends: read/,
      sends((call) => {
        setTimeout(() => call.read(1), 5);
        return { text: "" };
      }),
    ],
    ["keeps concurrent requests apart", /busy/, () => {
      let busy = false;
      return sends(async (call) => {
        if (busy) throw new Error("busy");
        busy = true;
        await call.clock.sleepUntil(call.clock.now() + 2, call.signal).finally(
          () => busy = false,
        );
        return { text: "" };
      });
    }],
    [
      "stops when its signal aborts",
      /aborted request must settle within 100 ms/,
      sends(() => sleep(150).then(() => ({ text: "" }))),
    ],
    [
      "stops when its signal aborts",
      /must reject with an Error/,
      sends(async (call) => {
        await call.clock.sleepUntil(call.clock.now() + 5, call.signal).catch(
          () => Promise.reject("stop"),
        );
        return { text: "" };
      }),
    ],
    [
      "does not start an aborted request",
      /must have no output/,
      sends((call) => {
        call.output(call.read(1), { kind: "text", text: "x" });
        return {};
      }),
    ],
    ["never reads the reference", /must never be read/, {
      send: (request) =>
        Promise.resolve({ text: request.turn.columns.reference ?? "" }),
    }],
    [
      "answers over connections opened ahead",
      /connect\(2\) must resolve with the time in ms of each/,
      { connect: () => Promise.resolve([1, 2, 3]) },
    ],
    ["answers over connections opened ahead", /broken ahead/, () => {
      let isConnected = false;
      return {
        connect() {
          isConnected = true;
          return Promise.resolve([1]);
        },
        ...sends(() => {
          if (isConnected) throw new Error("broken ahead");
          return { text: "" };
        }),
      };
    }],
    [
      "stops connecting when its signal aborts",
      /aborted connecting must settle within 100 ms/,
      { connect: () => sleep(150).then(() => []) },
    ],
    [
      "stops connecting when its signal aborts",
      /aborted connecting must settle within 100 ms/,
      { roundTripMs: () => sleep(150).then(() => 1) },
    ],
    ["accepts the end of any session", /no such session/, {
      endSession: () => {
        throw new Error("no such session");
      },
    }],
  ];
  await assertBroken(
    cases,
    checksOf(testBackend, pluginOf("backend", good)),
    (parts, promise) => fault(parts, promise),
  );
});
