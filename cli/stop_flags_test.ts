import assert from "node:assert/strict";
import {
  lengthRule,
  parseStopRules,
  RUN_STOP_RULES,
  STOP_RULES,
} from "./stop_flags.ts";

const messages = (text: string, rules = STOP_RULES) =>
  parseStopRules(text, rules).problems.map(({ message }) => message);

Deno.test("parseStopRules() reads rules that are joined by commas", () => {
  assert.deepEqual(
    parseStopRules(
      "errors=10, errorRate=10%,recentErrorRate=100%,window=20,saturation,silence=5m",
      STOP_RULES,
    ),
    {
      rules: {
        errors: 10,
        errorRate: 0.1,
        recentErrorRate: 1,
        recentErrorWindow: 20,
        saturation: true,
        silenceMs: 300_000,
      },
      problems: [],
    },
  );
  assert.deepEqual(
    parseStopRules("duration=1h,requests=5,saturation=false", RUN_STOP_RULES),
    {
      rules: { durationMs: 3_600_000, requests: 5, saturation: false },
      problems: [],
    },
  );
});

Deno.test("parseStopRules() names the rule, the value and what is valid", () => {
  const all = "there are: duration, requests, errors, errorRate, " +
    "recentErrorRate, window, saturation";
  assert.deepEqual(messages("eror=1"), [
    `unknown rule "eror"; did you mean "errors"?; ${all}, silence`,
  ]);
  assert.deepEqual(messages("silence=1s", RUN_STOP_RULES), [
    `unknown rule "silence"; ${all}`,
  ]);
  assert.deepEqual(messages("errors=0,errors,errorRate=5,saturation=yes"), [
    'errors must be a whole number of at least 1, but was "0"',
    'errors must be a whole number of at least 1, but was ""',
    'errorRate must be a share such as 5% or 0.05, but was "5"; did you mean 5%?',
    'saturation must be true or false, but was "yes"',
  ]);
  assert.deepEqual(messages("errorRate=0%,silence=0s"), [
    "errorRate must be above 0, but was 0%",
    "silence must be above 0, but was 0s",
  ]);
});

Deno.test("lengthRule() distinguishes a time, a number, a share and auto", () => {
  const rules: [string, string, unknown][] = [
    ["10s", "warmupMs", 10_000],
    ["0s", "warmupMs", 0],
    ["100", "warmupRequests", 100],
    ["10%", "warmupShare", 0.1],
    ["100%", "warmupShare", 1],
    ["0.25", "warmupShare", 0.25],
    ["auto", "warmupAuto", true],
  ];
  for (const [text, name, value] of rules) {
    assert.deepEqual(lengthRule("warmup", text), [name, value]);
  }
  assert.deepEqual(lengthRule("cooldown", "auto"), ["cooldownAuto", true]);
  for (const text of ["0", "-1s", "10x", "Auto", "1.5", "120%", ""]) {
    assert.throws(() => lengthRule("warmup", text), /^UsageError: must be /);
  }
});
