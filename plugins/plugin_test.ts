import assert from "node:assert/strict";
import { z } from "zod";
import type { LoadProfile, Stage } from "../core/contract.ts";
import {
  isUsageError,
  RequestError,
  RunEnded,
  UsageError,
} from "../core/errors.ts";
import type { StageReport } from "../core/report.ts";
import type { Capacity } from "../core/run_results.ts";
import { testContext } from "../tests/support/transcribe.ts";
import { define, type Kind } from "./plugin.ts";

async function refuses(
  open: () => unknown,
  message: string | RegExp,
): Promise<void> {
  await assert.rejects(async () => await open(), (error) => {
    assert.ok(isUsageError(error), String(error));
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

function opens(kind: Kind, instance: unknown) {
  const definition = { name: "x", summary: "", options: z.any() };
  const open = () => instance as never;
  return () => define(kind, { ...definition, open })({}).open(testContext());
}

Deno.test("define() refuses an instance that is not of its kind, with the plugin and the rule", async () => {
  await refuses(
    opens("dialect", null),
    "dialect x: open must return an object, but it was null",
  );
  await refuses(opens("dialect", {}), "dialect x: start must be a function");
  await refuses(opens("backend", {}), "backend x: send must be a function");
  await refuses(
    opens("dataset", 5),
    "dataset x: open must return an object, but it was of type number",
  );
});

Deno.test("define() names a plugin that throws when it is opened", async () => {
  const throwing = (error: unknown) => () =>
    define("dataset", {
      name: "x",
      summary: "",
      options: z.any(),
      open: () => Promise.reject(error),
    })({}).open(testContext());
  await refuses(throwing(new TypeError("boom")), "dataset x failed: boom");
  await refuses(throwing("boom"), "dataset x failed: boom");
  await refuses(throwing(new UsageError("not so")), "not so");
  for (
    const error of [
      new RequestError("connect_error", "refused"),
      Object.assign(new Error("disk full"), { code: "ENOSPC" }),
      new Deno.errors.NotCapable("no access"),
    ]
  ) {
    await assert.rejects(throwing(error), error);
  }
});

function profileOf(profile: unknown): Promise<LoadProfile> {
  const definition = { name: "x", summary: "", options: z.any() };
  const open = () => profile as LoadProfile;
  return define("load", { ...definition, open })({}).open(testContext());
}

const RANDOM = () => () => 0.5;
const RULES = { stop: {}, slos: [], normalizer: "basic" } as const;
const EMPTY: Stage = { name: "none", load: {}, arrivals: [] };

Deno.test("define() refuses a profile that is not a function, throws, has no stage or yields something else", async () => {
  await refuses(
    () => profileOf(5),
    "load x: profile must return a function, but it was of type number",
  );
  for (
    const [profile, rule] of [
      [function* () {}, "load x: must have at least one stage"],
      [function* () {
        yield 5;
      }, "load x: each stage must have arrivals"],
      [async function* () {
        yield EMPTY;
      }, "load x: each stage must have arrivals"],
      [() => 5, "load x: its function must return a generator of stages"],
      [function* () {
        yield* [];
        throw new Error("boom");
      }, "load x failed: boom"],
    ] as const
  ) {
    const checked = await profileOf(profile);
    await refuses(() => checked(RANDOM, RULES).next(), rule);
  }
});

Deno.test("define() refuses 1,000 stages in a row without a request", async () => {
  const profile = await profileOf(function* () {
    for (;;) yield EMPTY;
  });
  const report = (ok: number) => {
    const rest = { error: 0, timeout: 0, cancelled: 0, warmup: 0, dropped: 0 };
    return { counts: { ok, ...rest } } as StageReport;
  };
  const stages = profile(RANDOM, RULES);
  stages.next();
  for (let i = 0; i < 999; i++) stages.next(report(0));
  stages.next(report(1));
  for (let i = 0; i < 999; i++) stages.next(report(0));
  await refuses(
    () => stages.next(report(0)),
    "load x: 1000 stages in a row had no request",
  );
});

const CAPACITY: Capacity = {
  of: "rate",
  status: "undecided",
  confidence: 0.95,
  slos: [],
  levels: [],
};

Deno.test("define() lets a profile that the run ends return its result", async () => {
  const ended = new RunEnded("the run was interrupted");
  const profile = await profileOf(function* () {
    try {
      yield EMPTY;
    } catch (error) {
      assert.equal(error, ended);
      return CAPACITY;
    }
  });
  const stages = profile(RANDOM, RULES);
  stages.next();
  assert.deepEqual(stages.throw(ended), { done: true, value: CAPACITY });

  const plain = (await profileOf(function* () {
    yield EMPTY;
  }))(RANDOM, RULES);
  plain.next();
  assert.throws(() => plain.throw(ended), (error) => error === ended);
});
