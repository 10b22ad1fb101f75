import assert from "node:assert/strict";
import fc from "fast-check";
import { sample } from "../../tests/support/sample.ts";
import type { Sample } from "../sample.ts";
import { ShareColumns } from "./client_share.ts";
import { Column } from "./column.ts";
import { metrics } from "./table.ts";

function add(columns: ShareColumns, sample: Sample): void {
  columns.add(sample, metrics.map(({ of }) => of(sample)));
}

/** The median of each share of one sample. */
function sharesOf(parts: Partial<Sample>): Record<string, number> {
  const columns = new ShareColumns();
  add(columns, sample(parts));
  return Object.fromEntries(
    Object.entries(columns.summaries(() => 0)).map((
      [name, { p50 }],
    ) => [name, p50]),
  );
}

const client = { sendingMs: 1, firstTokenMs: 2, endMs: 4 };

Deno.test("the share of a request is its sending and the wait of the read that decides", () => {
  const deltas = [{ atMs: 150, kind: "text" as const, text: "a" }];
  const given = { client, deltas, scheduledMs: 0, dispatchedMs: 16 };
  assert.deepEqual(sharesOf(given), {
    ttftShare: 3,
    latencyShare: 5,
    responseTimeShare: 21,
  });
});

Deno.test("the share of streamed audio is the lateness of the chunk before, and the wait of the read", () => {
  const audioSent = [
    { dueMs: 100, atMs: 108, endMs: 100 },
    { dueMs: 200, atMs: 232, endMs: 200 },
  ];
  const speech = {
    client: { firstTokenMs: 2, endMs: 4 },
    audioSent,
    deltas: [{ atMs: 150, kind: "text" as const, text: "a" }],
    marks: { final: 900 },
  };
  assert.deepEqual(sharesOf(speech), {
    ttftShare: 10,
    latencyShare: 36,
    responseTimeShare: 36,
    finalizationShare: 36,
  });
});

Deno.test("the share of finalization is no larger than finalization", () => {
  const { finalizationShare } = sharesOf({
    client: { endMs: 130 },
    audioSent: [{ dueMs: 200, atMs: 205, endMs: 200 }],
    marks: { final: 250 },
  });
  assert.equal(finalizationShare, 50);
});

Deno.test("failed requests and those of a client that nothing watched have no share", () => {
  const failure = { class: "closed", message: "" };
  assert.deepEqual(
    sharesOf({ client, outcome: { status: "error", failure } }),
    {},
  );
  assert.deepEqual(sharesOf({}), {});
});

Deno.test("a summary has the time of the largest share, of equal ones the first", () => {
  const columns = new ShareColumns();
  for (const [dispatchedMs, endMs] of [[5, 1], [9, 7], [7, 7]] as const) {
    add(columns, sample({ dispatchedMs, client: { endMs } }));
  }
  assert.equal(columns.summaries(() => 0).latencyShare?.maxAtMs, 7);
});

Deno.test("a share adds to a percentile what the percentile is without it", () => {
  const columns = new ShareColumns(), latencies = new Column();
  // Half of a fast one's latency may be the client's, and nothing of a slow one's.
  for (const [endedMs, endMs] of [[10, 5], [10, 5], [100, 0]] as const) {
    add(columns, sample({ dispatchedMs: 0, endedMs, client: { endMs } }));
    latencies.add(endedMs);
  }
  const { latencyShare } = columns.summaries((_, p) => latencies.quantile(p));
  assert.equal(latencyShare?.added.p50, 5);
  assert.ok(latencyShare.added.p99 < 0.11);
});

Deno.test("the true percentile lies between the measured one and that less what the client added", () => {
  const ms = fc.double({ min: 0, max: 1000, noNaN: true });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const requests = fc.array(fc.tuple(ms, part, part), { minLength: 1 });
  fc.assert(fc.property(requests, (requests) => {
    const columns = new ShareColumns();
    const measured = new Column(), right = new Column();
    for (const [endedMs, bound, error] of requests) {
      const endMs = bound * endedMs;
      add(columns, sample({ dispatchedMs: 0, endedMs, client: { endMs } }));
      measured.add(endedMs);
      right.add(endedMs - error * endMs);
    }
    const { added } = columns.summaries((_, p) => measured.quantile(p))
      .latencyShare!;
    for (
      const [name, p] of [["p50", 0.5], ["p90", 0.9], ["p99", 0.99]] as const
    ) {
      const atMost = measured.quantile(p)!, is = right.quantile(p)!;
      assert.ok(is <= atMost);
      assert.ok(is >= atMost - added[name] - 1e-9);
    }
  }));
});
