import assert from "node:assert/strict";
import fc from "fast-check";
import { Column } from "./metrics/column.ts";
import type { ClientHealth, Counts, Summary } from "./report.ts";
import { judge, type Judged } from "./verdict.ts";

interface Parts {
  readonly counts?: Partial<Counts>;
  readonly failures?: Judged["failures"];
  readonly warmupFailures?: Judged["failures"];
  /** Metrics in milliseconds. */
  readonly metrics?: Readonly<Record<string, Summary>>;
  readonly client?: ClientHealth;
  /** The setting of the load. @default {{}} */
  readonly load?: Judged["load"];
}

function stage(
  { counts, failures = [], metrics = {}, client = {}, load = {}, ...rest }:
    Parts,
) {
  return {
    ...rest,
    load,
    counts: {
      ok: 20,
      error: 0,
      timeout: 0,
      cancelled: 0,
      dropped: 0,
      emptyOutputs: 0,
      retried: 0,
      throttled: 0,
      warmup: 0,
      failures: {},
      ...counts,
    },
    failures,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([name, summary]) =>
        [name, { unit: "ms", ...summary }] as const
      ),
    ),
    client: { method: "scheduler" as const, ...client },
  } satisfies Judged;
}

/** So many values, all the same; by default enough for every percentile. */
function always(value: number, n = 100): Summary {
  return of(Array(n).fill(value));
}

function of(values: readonly number[]): Summary {
  const all = new Column();
  for (const value of values) all.add(value);
  return all.summary()!;
}

/** A share that adds as much to each percentile of its metric as its own one is. */
const shareOf = (summary: Summary) => ({
  ...summary,
  added: { p50: summary.p50, p90: summary.p90, p99: summary.p99 },
  maxAtMs: 1234,
});
const share = (ms: number, n?: number) => shareOf(always(ms, n));

const MANY_STARTS =
  "likely cause: starts at the same time, as the processor was used 0 %: spread them, or offer a lower rate or spread it over more machines";

Deno.test("judge() finds a measurement valid whose client added at most a tenth", () => {
  const client = {
    ttftShare: share(10),
    latencyShare: share(50),
    responseTimeShare: share(50),
    scheduleLag: always(900),
    chunkLateness: always(50),
    chunkMs: 100,
    loopDelay: always(500),
  };
  const metrics = {
    ttft: always(100),
    latency: always(500),
    responseTime: always(500),
  };
  const valid = { status: "valid", reasons: [] };
  assert.deepEqual(judge(stage({ metrics, client })), valid);
  assert.deepEqual(judge(stage({})), valid);
});

Deno.test("judge() says which metric the client added to, how much, when, why, and what helps", () => {
  const metrics = { ttft: always(100), latency: always(500) };
  const client = {
    ttftShare: share(10.01),
    latencyShare: share(50.5),
    chunkLateness: always(62.125),
    chunkMs: 100,
  };
  assert.deepEqual(judge(stage({ metrics, client })), {
    status: "client-limited",
    reasons: [
      "TTFT p99 100 ms: up to 10.01 ms may be this client's, above the limit of 10 ms (10 %; most at 1.2 s)",
      "E2E latency p99 500 ms: up to 50.5 ms may be this client's, above the limit of 50 ms (10 %; most at 1.2 s)",
      "chunk lateness p99: up to 62.13 ms may be this client's, above the limit of 50 ms (half a chunk)",
      MANY_STARTS,
    ],
  });
});

Deno.test("judge() names the cause: this process, other processes, or starts at the same time", () => {
  const cause = (client: ClientHealth) =>
    judge(stage({
      metrics: { ttft: always(10) },
      client: { ttftShare: share(9), ...client },
    })).reasons[1]!;
  assert.match(cause({ cpu: 0.98, queued: 0.01 }), /: this process, .* 98 %/);
  assert.match(cause({ cpu: 0.9, queued: 0.3 }), /: other processes, .* 30 %/);
  assert.match(cause({ cpu: 0.2, queued: 0 }), /: starts at the same time/);
});

Deno.test("judge() does not hold a share against the client that is within the accuracy of its bound", () => {
  const judged = (ms: number, method: "scheduler" | "timers") =>
    judge(stage({
      metrics: { latency: always(2) },
      client: { method, latencyShare: share(ms) },
    }));
  assert.equal(judged(1, "scheduler").status, "valid");
  assert.deepEqual(
    judged(1.5, "scheduler").reasons[0],
    "E2E latency p99 2 ms: up to 1.5 ms may be this client's, above the limit of 1 ms (the accuracy of this bound; most at 1.2 s)",
  );
  assert.equal(judged(5, "timers").status, "valid");
  assert.equal(judged(5.1, "timers").status, "client-limited");
});

Deno.test("judge() takes another limit", () => {
  const judged = (maxClientShare: number) =>
    judge(
      stage({
        metrics: { ttft: always(100) },
        client: { ttftShare: share(20) },
      }),
      { maxClientShare },
    );
  assert.deepEqual(judged(0.2), {
    status: "valid",
    reasons: [],
    maxClientShare: 0.2,
  });
  assert.equal(judged(0.19).status, "client-limited");
});

Deno.test("judge() compares each percentile with the same one of the metric", () => {
  const ttft = of([...Array(95).fill(100), ...Array(5).fill(10_000)]);
  const late = of([...Array(95).fill(5), ...Array(5).fill(900)]);
  const judged = (ttftShare: Summary) =>
    judge(stage({
      metrics: { ttft },
      client: { ttftShare: shareOf(ttftShare) },
    }));
  assert.equal(judged(late).status, "valid");
  assert.match(judged(always(11)).reasons[0]!, /^TTFT p90 100 ms: up to 11 ms/);
});

Deno.test("judge() judges the schedule lag where nothing watched the client", () => {
  const judged = (lagMs: number) =>
    judge(stage({
      metrics: { responseTime: always(100) },
      client: { method: "timers", scheduleLag: always(lagMs) },
    }));
  assert.equal(judged(10).status, "valid");
  assert.match(
    judged(11).reasons[0]!,
    /^response time p99 100 ms: up to 11 ms/,
  );
});

Deno.test("judge() does not judge chunk lateness where the chunk's length is not known", () => {
  const client = { chunkLateness: always(400) };
  assert.equal(judge(stage({ client })).status, "valid");
});

Deno.test("judge() judges the highest percentile that there are values enough for: p99 from 100, p90 from 30, p50 from 10", () => {
  const judged = (n: number, late: number) => {
    const values = Array.from({ length: n }, (_, i) => i < n - late ? 1 : 40);
    return judge(stage({
      metrics: { ttft: always(100, n) },
      client: { ttftShare: shareOf(of(values)) },
    }));
  };
  const cases: readonly (readonly [n: number, late: number, p: string])[] = [
    [100, 1, ""],
    [100, 2, "p99"],
    [99, 2, ""],
    [99, 11, "p90"],
    [30, 3, ""],
    [30, 4, "p90"],
    [29, 13, ""],
    [29, 15, "p50"],
    [10, 4, ""],
    [10, 6, "p50"],
    [9, 9, ""],
    [1, 1, ""],
  ];
  for (const [n, late, p] of cases) {
    const { status, reasons } = judged(n, late);
    const what = `${late} late of ${n}`;
    assert.equal(status, p === "" ? "valid" : "client-limited", what);
    if (p !== "") assert.match(reasons[0]!, new RegExp(`^TTFT ${p} `));
  }
});

Deno.test("judge() finds too few samples below 10 requests, however slow the client looked", () => {
  const client = { chunkLateness: always(900), chunkMs: 100 };
  const { status, reasons } = judge(stage({ counts: { ok: 9 }, client }));
  assert.equal(status, "too-few-samples");
  assert.equal(
    reasons[0],
    "only 9 requests succeeded, and a median needs 10: measure longer, or more requests",
  );
  assert.match(reasons[1]!, /^chunk lateness p99: up to 900 ms/);
  assert.match(
    judge(stage({ counts: { ok: 1 } })).reasons[0]!,
    /^only 1 request /,
  );
  assert.equal(judge(stage({ counts: { ok: 10 } })).status, "valid");
});

const CLIENT_CODES = [
  "EMFILE",
  "ENFILE",
  "EADDRNOTAVAIL",
  "ENOBUFS",
  "ENOMEM",
  "client_memory",
];

/** Failures with a code, beside requests that succeeded and failures of the server. */
function failing(code: string, count: number, ok: number, others = 0): Judged {
  return stage({
    counts: { ok, error: count + others },
    failures: [
      { class: "connect_error", code, message: "No", count },
      { class: "http_error", code: "503", message: "Full", count: others },
    ].filter(({ count }) => count > 0),
  });
}

Deno.test("judge() finds the client at its limit where it made more than 1 % of the requests fail itself", () => {
  for (const code of CLIENT_CODES) {
    for (
      const [own, ok, others] of [[80, 20, 0], [2, 98, 0], [1, 1, 0], [
        3,
        90,
        50,
      ]]
    ) {
      const { status, reasons } = judge(failing(code, own!, ok!, others));
      assert.equal(status, "client-limited", `${own} ${code} beside ${ok} ok`);
      assert.match(
        reasons[0]!,
        new RegExp(
          `^${own} of \\d+ requests \\(.* %\\) failed on this machine, not at the server, with ${code}: .*machines`,
        ),
      );
    }
    assert.equal(judge(failing(code, 1, 99)).status, "valid");
  }
  assert.equal(judge(failing("ECONNREFUSED", 80, 20)).status, "valid");
  assert.equal(
    judge(failing("EMFILE", 120, 30)).reasons[0],
    "120 of 150 requests (80 %) failed on this machine, not at the server, with EMFILE: " +
      "raise its limit of open files (ulimit -n), or use more machines",
  );
});

Deno.test("judge() does not take a server that is out of files for the client", () => {
  for (const name of ["server_error", "http_error"]) {
    const failures = [{
      class: name,
      code: "EMFILE",
      message: "Too many open files",
      count: 80,
    }];
    const counts = { ok: 20, error: 80 };
    assert.equal(judge(stage({ counts, failures })).status, "valid");
  }
});

Deno.test("judge() never finds a stage valid whose client made requests fail itself, and says so where none succeeded", () => {
  const { status, reasons } = judge(failing("EMFILE", 40, 0));
  assert.equal(status, "failed");
  assert.match(
    reasons[0]!,
    /^no request succeeded: 40 of 40 connect_error, the first: No/,
  );
  assert.match(
    reasons[1]!,
    /^40 of 40 requests \(100 %\) .* EMFILE: .*ulimit -n/,
  );
  fc.assert(fc.property(
    fc.constantFrom(...CLIENT_CODES),
    fc.nat(200),
    fc.nat(200),
    fc.nat(200),
    (code, own, ok, others) => {
      const { status, reasons } = judge(failing(code, own, ok, others));
      const isMuch = own > 0.01 * (own + ok + others);
      if (isMuch) assert.notEqual(status, "valid");
      assert.equal(reasons.some((reason) => reason.includes(code)), isMuch);
    },
  ));
});

Deno.test("judge() calls a stage failed in which no request succeeded, and says why", () => {
  const counts = { ok: 0, error: 12 };
  const failures = [{
    class: "connect_error",
    message: "Connection refused",
    count: 12,
  }];
  assert.deepEqual(judge(stage({ counts, failures })), {
    status: "failed",
    reasons: [
      "no request succeeded: 12 of 12 connect_error, the first: Connection refused",
    ],
  });
});

Deno.test("judge() names the three most frequent failures", () => {
  const counts = { ok: 0, error: 7, timeout: 2, cancelled: 1 };
  const failures = [["a", 4], ["b", 3], ["c_timeout", 2], ["d", 1]] as const;
  const notes = failures.map(([name, count]) => ({
    class: name,
    message: name.toUpperCase(),
    count,
  }));
  assert.deepEqual(judge(stage({ counts, failures: notes })).reasons, [
    "no request succeeded: 4 of 10 a, the first: A; 3 of 10 b, the first: B; 2 of 10 c_timeout, the first: C_TIMEOUT",
  ]);
});

Deno.test("judge() calls a stage failed in which nothing ended", () => {
  assert.deepEqual(judge(stage({ counts: { ok: 0 } })), {
    status: "failed",
    reasons: ["no request succeeded: none ended in the measured window"],
  });
  const [reason] = judge(stage({ counts: { ok: 0, dropped: 9 } })).reasons;
  assert.match(reason!, /9 were dropped/);
  const warmupFailures = [{ class: "rate_limit", message: "Slow", count: 3 }];
  const counts = { ok: 0, warmup: 4 };
  assert.deepEqual(judge(stage({ counts, warmupFailures })).reasons, [
    "no request succeeded: none ended in the measured window; in the warm-up 3 of 4 rate_limit, the first: Slow",
  ]);
});

Deno.test("judge() keeps what may have made requests late where all of them failed", () => {
  const client = { chunkLateness: always(900), chunkMs: 100 };
  const counts = { ok: 0, timeout: 4 };
  const { status, reasons } = judge(stage({ counts, client }));
  assert.equal(status, "failed");
  assert.match(reasons[1]!, /^chunk lateness p99/);
  const refused = judge(stage({ counts: { ok: 0, error: 4 }, client }));
  assert.equal(refused.reasons.length, 1, "no connection is refused by a loop");
});

Deno.test("judge() gives reasons exactly where it is not content", () => {
  const ms = fc.double({ min: 0, max: 200, noNaN: true });
  const median = fc.double({ min: 0, max: 2000, noNaN: true });
  fc.assert(fc.property(ms, ms, median, fc.nat(20), (added, late, ttft, ok) => {
    const client = {
      ttftShare: share(added),
      chunkLateness: always(late),
      chunkMs: 100,
    };
    const metrics = { ttft: always(ttft) };
    const { status, reasons } = judge(
      stage({ counts: { ok }, metrics, client }),
    );
    assert.equal(status === "valid", reasons.length === 0);
    const isSlow = added > Math.max(1, 0.1 * ttft) || late > 50;
    assert.equal(status === "client-limited", ok >= 10 && isSlow);
    assert.equal(status === "too-few-samples", ok > 0 && ok < 10);
    assert.equal(status === "failed", ok === 0);
  }));
});

Deno.test("judge() finds a closed loop client-limited whose streams wait long for their next request", () => {
  const parts = {
    metrics: { latency: always(6) },
    client: { turnaround: always(2), cpu: 0.97 },
  };
  const { status, reasons } = judge(
    stage({ ...parts, load: { concurrency: 32 } }),
  );
  assert.equal(status, "client-limited");
  assert.equal(
    reasons[0],
    "requests/s: of 8 ms that a stream took for each, 2 ms may be this client's, above the limit of 1 ms (10 %)",
  );
  assert.equal(judge(stage(parts)).status, "valid", "an open loop");
  const slow = { latency: always(30) };
  assert.equal(
    judge(stage({ ...parts, metrics: slow, load: { concurrency: 32 } })).status,
    "valid",
  );
});

Deno.test("judge() names a held-up event loop as the cause where the process had the processor for itself", () => {
  const { reasons } = judge(stage({
    metrics: { latency: always(6) },
    client: {
      latencyShare: share(3),
      loopDelay: of([1, 1, 1932]),
      cpu: 0.15,
      queued: 0.01,
    },
  }));
  assert.equal(
    reasons.at(-1),
    "likely cause: the event loop of this process was held up for up to 1932 ms: see that the process is not stopped or swapped out and that no plugin blocks it, and spread starts",
  );
});
