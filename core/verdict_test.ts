import assert from "node:assert/strict";
import fc from "fast-check";
import { column } from "./column.ts";
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

function always(value: number): Summary {
  const all = column();
  all.add(value);
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
  assert.equal(
    judge(stage({ client }), { chunkLatenessMs: 20 }).status,
    "client-limited",
  );
});

Deno.test("judge() takes limits that are stricter and ignores those that are looser", () => {
  const client = { loopDelay: always(40), scheduleLag: always(12) };
  assert.deepEqual(
    judge(stage({ client }), { loopDelayMs: 30, scheduleLagMs: 500 }).reasons,
    [
      `schedule lag p99 is 12 ms, above the limit of 10 ms: ${REMEDY}`,
      `event-loop delay p99 is 40 ms, above the limit of 30 ms (as configured): ${REMEDY}`,
    ],
  );
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

Deno.test("judge() keeps the client's part in a failure", () => {
  const client = { loopDelay: always(900) };
  const { status, reasons } = judge(stage({ counts: { ok: 0 }, client }));
  assert.equal(status, "failed");
  assert.equal(reasons.length, 2);
  assert.match(reasons[1]!, /^event-loop delay/);
});

Deno.test("judge() asks for a number of requests only where one is given", () => {
  const few = stage({ counts: { ok: 3 } });
  assert.equal(judge(few).status, "valid");
  assert.deepEqual(judge(few, { minRequests: 3 }).status, "valid");
  assert.deepEqual(judge(few, { minRequests: 100 }), {
    status: "too-few-samples",
    reasons: [
      "only 3 of the 100 requests asked for succeeded: run longer",
    ],
  });
});

Deno.test("judge() gives reasons exactly where it is not content", () => {
  const ms = fc.double({ min: 0, max: 200, noNaN: true });
  const counted = fc.nat(3);
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
        const { status, reasons } = judge(judged, { minRequests: 2 });
        assert.equal(status === "valid", reasons.length === 0);
        const isSlow = lag > Math.max(10, latencyMs * 0.05) || late > 50 ||
          loop > 50;
        if (ok > 0) assert.equal(status === "client-limited", isSlow);
        else assert.equal(status, "failed");
      },
    ),
  );
});
