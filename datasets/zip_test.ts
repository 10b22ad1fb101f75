import assert from "node:assert/strict";
import {
  type Configured,
  type Dataset,
  type Reading,
  type Session,
  UsageError,
} from "../plugins/mod.ts";
import { testDataset } from "../plugins/testing/mod.ts";
import { clips } from "./clips.ts";
import { repeat } from "./repeat.ts";
import { openDataset, read, readAll } from "../tests/support/datasets.ts";
import { zip } from "./zip.ts";

/** A dataset of these sessions, which notes how it was read and whether that has ended. */
function given(
  name: string,
  sessions: readonly Session[],
  facts?: Dataset["facts"],
) {
  const readings: Reading[] = [];
  let open = 0;
  let closed = 0;
  const configured: Configured<"dataset"> = {
    kind: "dataset",
    name,
    options: { path: `${name}.json` },
    open: () =>
      Promise.resolve({
        ...(facts && { facts }),
        async *sessions(reading) {
          readings.push(reading);
          open++;
          try {
            yield* sessions;
          } finally {
            open--;
          }
        },
        [Symbol.asyncDispose]: () => Promise.resolve(void closed++),
      }),
  };
  return { configured, readings, left: () => open, closed: () => closed };
}

const turn = (columns: Record<string, unknown>) => ({ columns });

Deno.test("zip() merges the columns of datasets up to the end of the shortest", async () => {
  const texts = given("texts", [
    { id: "t1", turns: [turn({ text: "a" })] },
    { id: "t2", turns: [{ ...turn({ text: "b" }), maxOutputTokens: 3 }] },
    { id: "t3", turns: [turn({ text: "c" })] },
  ]);
  const systems = given("systems", [
    { id: "s1", turns: [turn({ system: "x" })] },
    { id: "s2", turns: [{ ...turn({ system: "y" }), thinkMs: 5 }] },
  ]);
  const both = zip([texts.configured, systems.configured]);
  assert.deepEqual(await readAll(both), [
    { id: "t1+s1", turns: [turn({ text: "a", system: "x" })] },
    {
      id: "t2+s2",
      turns: [{
        ...turn({ text: "b", system: "y" }),
        maxOutputTokens: 3,
        thinkMs: 5,
      }],
    },
  ]);
  assert.deepEqual([texts.left(), systems.left()], [0, 0]);
  assert.deepEqual([texts.closed(), systems.closed()], [1, 1]);
  assert.equal(both.name, "zip");
  assert.deepEqual(both.options, [
    { name: "texts", options: { path: "texts.json" } },
    { name: "systems", options: { path: "systems.json" } },
  ]);
});

Deno.test("zip() merges turns with the same number, and keeps one without a match", async () => {
  const chat = given("chat", [{
    id: "c",
    turns: [turn({ text: "a" }), turn({ text: "b" }), turn({ text: "c" })],
  }]);
  const extra = given("extra", [{
    id: "e",
    turns: [turn({ system: "x" }), turn({ toolResult: "y" })],
  }]);
  const [session] = await readAll(zip([chat.configured, extra.configured]));
  assert.deepEqual(session!.turns, [
    turn({ text: "a", system: "x" }),
    turn({ text: "b", toolResult: "y" }),
    turn({ text: "c" }),
  ]);
});

Deno.test("zip() passes on seed, pass and signal, and ends all when its reader stops", async () => {
  const sessions = ["1", "2", "3"].map((id) => ({
    id,
    turns: [turn({ text: id })],
  }));
  const one = given("one", sessions);
  await using dataset = await openDataset(
    zip([one.configured, clips({})]),
  );
  await read(dataset, { seed: 7, pass: 2, take: 1 });
  assert.deepEqual(
    one.readings.map(({ seed, pass }) => [seed, pass]).at(-1),
    [7, 2],
  );
  assert.equal(one.left(), 0);
});

Deno.test("zip() keeps the problem of an item without its turns", async () => {
  const bad = given("bad", [
    { id: "b1", turns: [], problem: "it is damaged" },
    { id: "b2", turns: [turn({ text: "fine" })] },
  ]);
  const sessions = await readAll(zip([clips({}), bad.configured]));
  assert.deepEqual(sessions[0], {
    id: `${sessions[0]!.id.split("+")[0]}+b1`,
    turns: [],
    problem: "it is damaged",
  });
  assert.equal(sessions[1]!.turns[0]!.columns.text, "fine");
  assert.ok(sessions[1]!.turns[0]!.columns.audio);
});

Deno.test("zip() refuses a column of two datasets and names both", async () => {
  await assert.rejects(
    readAll(zip([clips({}), repeat({ text: "a" }), clips({})])),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /each column must be in one dataset only, but "audio" is in clips and in clips/,
      );
      return true;
    },
  );
  // What later records alone have is their own problem.
  const one = given("one", [
    { id: "1", turns: [turn({ text: "a" })] },
    { id: "2", turns: [turn({ text: "b", system: "x" })] },
  ]);
  const other = given("other", [
    { id: "1", turns: [turn({ tools: [] })] },
    { id: "2", turns: [turn({ tools: [], system: "y" })] },
  ]);
  const sessions = await readAll(zip([one.configured, other.configured]));
  assert.equal(sessions[0]!.problem, undefined);
  assert.match(sessions[1]!.problem ?? "", /"system" is in one and in other/);
  await assert.rejects(readAll(zip([])), /needs at least one dataset/);
});

Deno.test("zip() ends when a dataset ends, and is endless if all are", async () => {
  await using some = await openDataset(
    zip([clips({ limit: 3 }), repeat({ text: "a" })]),
  );
  assert.equal(some.isEndless, false);
  assert.equal((await read(some)).length, 3);
  assert.equal(some.facts?.["items"], 3);
  assert.deepEqual(some.facts?.["datasets"], [
    { name: "clips", items: 3, shuffle: false },
    { name: "repeat", text: "a" },
  ]);
  await using none = await openDataset(zip([repeat({ text: "a" })]));
  assert.equal(none.isEndless, true);
  assert.equal(none.facts?.["items"], undefined);
});

testDataset(zip([clips({ shuffle: true }), repeat({ text: "What is said?" })]));

Deno.test("zip() gives a session the recorded time of any of its parts, also where it cannot be used", async () => {
  const times = given("times", [
    { id: "1", turns: [turn({})], startMs: 3 },
    { id: "2", turns: [turn({})], startMs: 5 },
  ]);
  const texts = given("texts", [
    { id: "a", turns: [turn({ text: "a" })] },
    { id: "b", turns: [], problem: "damaged" },
  ]);
  assert.deepEqual(await readAll(zip([times.configured, texts.configured])), [
    { id: "1+a", turns: [turn({ text: "a" })], startMs: 3 },
    { id: "2+b", turns: [], problem: "damaged", startMs: 5 },
  ]);
});
