import assert from "node:assert/strict";
import fc from "fast-check";
import { Column } from "./metrics/column.ts";
import type { ClientHealth, Counts, Summary } from "./report.ts";
import { judge, type Judged } from "./verdict.ts";

interface Parts {
  readonly counts?: Partial<Counts>;
  readonly failures?: Judged["failures"];
  readonly latencyMs?: number;
  readonly client?: ClientHealth;
}

function stage(
  { counts, failures = [], latencyMs, client = {} }: Parts,
): Judged {
  return {
    counts: {
      ok: 20,
      error: 0,
      timeout: 0,
      cancelled: 0,
      dropped: 0,
      emptyOutputs: 0,
      retried: 0,
      warmup: 0,
      failures: {},
      ...counts,
    },
    failures,
    metrics: latencyMs === undefined
      ? {}
      : { latency: { unit: "ms", ...always(latencyMs) } },
    client,
  };
}

/** So many values, all the same; by default enough for every percentile. */
function always(value: number, n = 100): Summary {
  const all = new Column();
  for (let i = 0; i < n; i++) all.add(value);
  return all.summary()!;
}

const REMEDY =
  "use fewer streams on this machine or spread them over more machines";

Deno.test("judge() finds a measurement valid whose client kept up", () => {
  const client = {
    scheduleLag: always(10),
    chunkLateness: always(50),
    chunkMs: 100,
    loopDelay: always(50),
  };
  assert.deepEqual(judge(stage({ latencyMs: 200, client })), {
    status: "valid",
    reasons: [],
  });
  assert.deepEqual(judge(stage({})), { status: "valid", reasons: [] });
});

Deno.test("judge() says which limit the client went over, by how much, and what helps", () => {
  const client = {
    scheduleLag: always(10.001),
    chunkLateness: always(62.125),
    chunkMs: 100,
    loopDelay: always(71.5),
  };
  assert.deepEqual(judge(stage({ latencyMs: 150, client })), {
    status: "client-limited",
    reasons: [
      `chunk lateness p99 is 62.13 ms, above the limit of 50 ms (half a chunk): ${REMEDY}`,
      `schedule lag p99 is 10.01 ms, above the limit of 10 ms: ${REMEDY}`,
      `event-loop delay p99 is 71.5 ms, above the limit of 50 ms: ${REMEDY}`,
    ],
  });
});

Deno.test("judge() allows a schedule lag of 5 % of the median latency where that is more than 10 ms", () => {
  const lag = (ms: number, latencyMs: number) =>
    judge(stage({ latencyMs, client: { scheduleLag: always(ms) } }));
  assert.equal(lag(100, 2000).status, "valid");
  assert.deepEqual(lag(101, 2000).reasons, [
    `schedule lag p99 is 101 ms, above the limit of 100 ms (5 % of the median latency): ${REMEDY}`,
  ]);
  assert.equal(lag(11, 100).status, "client-limited");
});

Deno.test("judge() does not judge chunk lateness where the chunk's length is not known", () => {
  const client = { chunkLateness: always(400) };
  assert.equal(judge(stage({ client })).status, "valid");
});

Deno.test("judge() judges the highest percentile that there are values enough for: p99 from 100, p90 from 30, p50 from 10", () => {
  const lag = (n: number, late: number) => {
    const all = new Column();
    for (let i = 0; i < n; i++) all.add(i < n - late ? 1 : 40);
    return judge(stage({ client: { scheduleLag: all.summary()! } }));
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
    const { status, reasons } = lag(n, late);
    const what = `${late} late of ${n}`;
    assert.equal(status, p === "" ? "valid" : "client-limited", what);
    if (p !== "") {
      assert.match(reasons[0]!, new RegExp(`^schedule lag ${p} is `));
    }
  }
});

Deno.test("judge() judges each measure by its own number of values", () => {
  const client = {
    scheduleLag: always(900, 9),
    loopDelay: always(900, 30),
    chunkLateness: always(900, 1000),
    chunkMs: 100,
  };
  assert.deepEqual(
    judge(stage({ client })).reasons.map((reason) => reason.split(" is ")[0]),
    ["chunk lateness p99", "event-loop delay p90"],
  );
});

Deno.test("judge() finds too few samples below 10 requests, however slow the client looked", () => {
  const client = { loopDelay: always(900), scheduleLag: always(900, 9) };
  const { status, reasons } = judge(stage({ counts: { ok: 9 }, client }));
  assert.equal(status, "too-few-samples");
  assert.deepEqual(reasons, [
    "only 9 requests succeeded, and a median needs 10: measure longer, or more requests",
    `event-loop delay p99 is 900 ms, above the limit of 50 ms: ${REMEDY}`,
  ]);
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
    /^no request succeeded: 40 of 40 connect_error: No/,
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
      "no request succeeded: 12 of 12 connect_error: Connection refused",
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
    "no request succeeded: 4 of 10 a: A; 3 of 10 b: B; 2 of 10 c_timeout: C_TIMEOUT",
  ]);
});

Deno.test("judge() calls a stage failed in which nothing ended", () => {
  assert.deepEqual(judge(stage({ counts: { ok: 0 } })), {
    status: "failed",
    reasons: ["no request succeeded: none ended in the measured window"],
  });
  const [reason] = judge(stage({ counts: { ok: 0, dropped: 9 } })).reasons;
  assert.match(reason!, /9 were dropped/);
});

Deno.test("judge() keeps what may have made requests late where all of them failed", () => {
  const client = { loopDelay: always(900) };
  const counts = { ok: 0, timeout: 4 };
  const { status, reasons } = judge(stage({ counts, client }));
  assert.equal(status, "failed");
  assert.equal(reasons.length, 2);
  assert.match(reasons[1]!, /^event-loop delay p99/);
  const refused = judge(stage({ counts: { ok: 0, error: 4 }, client }));
  assert.equal(refused.reasons.length, 1, "no connection is refused by a loop");
});

Deno.test("judge() gives reasons exactly where it is not content", () => {
  const ms = fc.double({ min: 0, max: 200, noNaN: true });
  const counted = fc.nat(20);
  const median = fc.double({ min: 0, max: 4000, noNaN: true });
  fc.assert(
    fc.property(
      ms,
      ms,
      ms,
      median,
      counted,
      (lag, late, loop, latencyMs, ok) => {
        const client = {
          scheduleLag: always(lag),
          chunkLateness: always(late),
          chunkMs: 100,
          loopDelay: always(loop),
        };
        const judged = stage({ counts: { ok }, latencyMs, client });
        const { status, reasons } = judge(judged);
        assert.equal(status === "valid", reasons.length === 0);
        const isSlow = lag > Math.max(10, latencyMs * 0.05) || late > 50 ||
          loop > 50;
        assert.equal(status === "client-limited", ok >= 10 && isSlow);
        assert.equal(status === "too-few-samples", ok > 0 && ok < 10);
        assert.equal(status === "failed", ok === 0);
      },
    ),
  );
});
