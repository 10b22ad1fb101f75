import assert from "node:assert/strict";
import fc from "fast-check";
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

Deno.test("parseDuration() returns undefined for anything else", () => {
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
    assert.equal(parseDuration(text), undefined, text);
  }
});

Deno.test("parseDuration() is the inverse of formatting", () => {
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

Deno.test("parseBytes() returns undefined for anything else", () => {
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
    assert.equal(parseBytes(text), undefined, text);
  }
});

Deno.test("parseBytes() is the inverse of formatting", () => {
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
    assert.equal(parseShare(text), undefined, text);
  }
});
