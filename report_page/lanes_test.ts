import assert from "node:assert/strict";
import fc from "fast-check";
import { requestDetails } from "../reporters/html/request_details.ts";
import type { RequestDetails } from "../reporters/html/request_details.ts";
import { failedSample, goodSample } from "../tests/support/samples.ts";
import { chooseRequests, placeInLanes, placeTexts, spansOf } from "./lanes.ts";

const spoken = requestDetails(goodSample);
const { texts: _texts, audioMs: _audio, ...written } = spoken;

function request(id: number, fromMs: number, untilMs: number): RequestDetails {
  return { ...written, id, scheduledMs: fromMs, endedMs: untilMs };
}

Deno.test("placeInLanes() never has two requests in a lane at a time, and needs no more lanes than that", () => {
  const times = fc.array(
    fc.tuple(fc.nat({ max: 100 }), fc.integer({ min: 1, max: 50 })),
    { maxLength: 30 },
  );
  fc.assert(fc.property(times, (times) => {
    const requests = times.map(([at, length], id) =>
      request(id, at, at + length)
    );
    const placed = placeInLanes(requests);
    assert.equal(placed.length, requests.length);
    for (const lane of Map.groupBy(placed, ({ lane }) => lane).values()) {
      for (const [i, { request }] of lane.entries()) {
        if (i === 0) continue;
        assert.ok(request.scheduledMs + 0.02 >= lane[i - 1]!.request.endedMs);
      }
    }
    const most = Math.max(
      0,
      ...requests.map((each) =>
        requests.filter(({ scheduledMs, endedMs }) =>
          scheduledMs <= each.scheduledMs && endedMs > each.scheduledMs
        ).length
      ),
    );
    assert.ok(placed.every(({ lane }) => lane < most));
  }));
});

Deno.test("spansOf() covers the time of a request without gaps", () => {
  const spans = spansOf(spoken);
  assert.deepEqual(spans.map(({ kind }) => kind), [
    "late",
    "connect",
    "waiting",
    "streaming",
  ]);
  for (const [i, { fromMs }] of spans.entries()) {
    assert.equal(fromMs, i === 0 ? spoken.scheduledMs : spans[i - 1]!.untilMs);
  }
  assert.equal(spans.at(-1)!.untilMs, spoken.endedMs);
});

Deno.test("spansOf() of a request without output is all waiting", () => {
  assert.deepEqual(spansOf(requestDetails(failedSample)), [
    { kind: "waiting", fromMs: 0, untilMs: 3 },
  ]);
});

Deno.test("placeTexts() leaves out texts that would cover others, and blank ones", () => {
  const texts = [
    { atMs: 0, text: " one" },
    { atMs: 10, text: "covered" },
    { atMs: 20, text: " " },
    { atMs: 40, text: "two" },
  ];
  const placed = placeTexts(texts, {
    xOf: (atMs) => atMs,
    widthOf: (text) => 10 * text.length,
  });
  assert.deepEqual(placed, [{ x: 0, text: "one" }, { x: 40, text: "two" }]);
});

Deno.test("chooseRequests() has the first, the failed or the slowest ones", () => {
  const failed = { ...requestDetails(failedSample), id: 7 };
  const all = [request(1, 0, 5), request(2, 0, 50), failed];
  const ids = (choice: Parameters<typeof chooseRequests>[1]) =>
    chooseRequests(all, choice).map(({ id }) => id);
  assert.deepEqual(ids("first"), [1, 2, 7]);
  assert.deepEqual(ids("failed"), [7]);
  assert.deepEqual(ids("slowest"), [2, 1, 7]);
  const many = Array.from({ length: 500 }, (_, i) => request(i, 0, 1));
  assert.equal(chooseRequests(many, "first").length, 100);
  assert.equal(chooseRequests(many, "more").length, 300);
  const talks = Array.from({ length: 500 }, () => spoken);
  assert.equal(chooseRequests(talks, "first").length, 24);
});
