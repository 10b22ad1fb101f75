import assert from "node:assert/strict";
import { sample } from "../../tests/support/sample.ts";
import type { Sample } from "../sample.ts";
import { ShareColumns } from "./client_share.ts";

/** The median of each share of one sample. */
function sharesOf(parts: Partial<Sample>): Record<string, number> {
  const columns = new ShareColumns();
  columns.add(sample(parts));
  return Object.fromEntries(
    Object.entries(columns.summaries()).map(([name, { p50 }]) => [name, p50]),
  );
}

const client = { sendingMs: 1, firstTokenMs: 2, endMs: 4 };

Deno.test("the share of a request is its sending and the wait of the read that decides", () => {
  assert.deepEqual(sharesOf({ client, scheduledMs: 0, dispatchedMs: 16 }), {
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
    columns.add(sample({ dispatchedMs, client: { endMs } }));
  }
  assert.equal(columns.summaries().latencyShare?.maxAtMs, 7);
});
