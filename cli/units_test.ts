import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../plugins/mod.ts";
import { parseBytes, parseDuration, parseShare } from "./units.ts";

Deno.test("parseDuration() reads numbers with units", () => {
  const cases: [string, number][] = [
    ["250ms", 250],
    ["0s", 0],
    ["60s", 60_000],
    ["1.005s", 1005],
    ["2.3s", 2300],
    ["0.1ms", 0.1],
    ["1m", 60_000],
    ["1.5h", 5_400_000],
    ["1m30s", 90_000],
    ["1h2m3s4ms", 3_723_004],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration() refuses anything else and says what would do", () => {
  for (
    const text of [
      "",
      "60",
      "s",
      "-1s",
      "1 s",
      "1S",
      "1e3s",
      ".5s",
      "1.s",
      "30s1m",
      "1s1s",
      "1d",
      "NaNs",
      "Infinitys",
      `${"9".repeat(400)}s`,
    ]
  ) {
    assert.throws(() => parseDuration(text, "--duration"), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /^Cannot read '--duration' as .*ms, s, m or h: current value is ./,
      );
      return true;
    }, text);
  }
});

Deno.test("parseDuration() reads back what it stands for", () => {
  const unit = fc.constantFrom(
    ["ms", 1],
    ["s", 1000],
    ["m", 60_000],
    ["h", 3_600_000] as const,
  );
  fc.assert(fc.property(fc.nat(1e6), unit, (n, [name, size]) => {
    assert.equal(parseDuration(`${n}${name}`), n * Number(size));
  }));
  fc.assert(fc.property(fc.nat(1e9), (ms) => {
    const text = `${Math.floor(ms / 1000)}.${
      String(ms % 1000).padStart(3, "0")
    }s`;
    assert.equal(parseDuration(text), ms);
  }));
  const parts = fc.tuple(fc.nat(99), fc.nat(59), fc.nat(59), fc.nat(999));
  fc.assert(fc.property(parts, ([h, m, s, ms]) => {
    assert.equal(
      parseDuration(`${h}h${m}m${s}s${ms}ms`),
      ((h * 60 + m) * 60 + s) * 1000 + ms,
    );
  }));
});

Deno.test("parseBytes() reads numbers with units", () => {
  const cases: [string, number][] = [
    ["0B", 0],
    ["512B", 512],
    ["16KiB", 16_384],
    ["1.5KiB", 1536],
    ["2kB", 2000],
    ["2KB", 2000],
    ["1.005MB", 1_005_000],
    ["3MiB", 3 * 2 ** 20],
    ["1GiB", 2 ** 30],
    ["1GB", 1e9],
  ];
  for (const [text, bytes] of cases) {
    assert.equal(parseBytes(text), bytes, text);
  }
});

Deno.test("parseBytes() refuses anything else and says what would do", () => {
  for (
    const text of [
      "",
      "16",
      "KiB",
      "-1B",
      "1.5B",
      "16K",
      "16kib",
      "iB1",
      "9iB",
      "99999999GiB",
    ]
  ) {
    assert.throws(() => parseBytes(text, "--max"), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /^Cannot read '--max' as .*GiB: current value is ./,
      );
      return true;
    }, text);
  }
});

Deno.test("parseBytes() reads back what it stands for", () => {
  const unit = fc.constantFrom(["B", 1], ["kB", 1e3], ["MB", 1e6], [
    "KiB",
    1024,
  ], ["MiB", 2 ** 20] as const);
  fc.assert(fc.property(fc.nat(1e6), unit, (n, [name, size]) => {
    assert.equal(parseBytes(`${n}${name}`), n * Number(size));
  }));
});

Deno.test("parseShare() reads a percentage or a share, and nothing that may mean either", () => {
  const shares: Record<string, number> = {
    "5%": 0.05,
    "0.05": 0.05,
    ".05": 0.05,
    "0": 0,
    "0%": 0,
    "7%": 0.07,
    "0.1%": 0.001,
    "100%": 1,
  };
  for (const [text, share] of Object.entries(shares)) {
    assert.equal(parseShare(text), share, text);
  }
  for (
    const text of [
      "",
      "5",
      "1",
      "101%",
      "-1%",
      "5 %",
      "x",
      "1e-2",
      "NaN",
      "5%%",
    ]
  ) {
    assert.throws(() => parseShare(text, "--max-error-rate"), (error) => {
      assert.ok(error instanceof UsageError, text);
      assert.ok(error.message.startsWith(
        `--max-error-rate: must be a share, as 5% or 0.05, but was ${
          JSON.stringify(text)
        }`,
      ));
      assert.equal(
        error.message.includes("did you mean"),
        ["5", "1"].includes(text),
      );
      return true;
    });
  }
});
