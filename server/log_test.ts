import assert from "node:assert/strict";
import fc from "fast-check";
import { createLog, hashAudio, type NewLogEntry } from "./log.ts";

const entry = (atMs: number, session = "s"): NewLogEntry => ({
  atMs,
  session,
  direction: "in",
  type: "t",
  bytes: 1,
});

Deno.test("createLog() keeps the newest entries and counts those it drops", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9000 }),
      fc.integer({ min: 0, max: 20_000 }),
      (limit, count) => {
        const log = createLog(limit);
        for (let i = 0; i < count; i++) log.add(entry(i));
        const seqs = [...log.entries()].map(({ seq, atMs }) => {
          assert.equal(seq, atMs);
          return seq;
        });
        const kept = Math.min(limit, count);
        assert.equal(seqs.length, kept);
        assert.equal(log.dropped, count - kept);
        if (kept > 0) assert.equal(seqs[0], count - kept);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("createLog() returns entries as they were added, without unknown fields", () => {
  const log = createLog(10);
  const all: NewLogEntry[] = [
    entry(1.25),
    { ...entry(2), direction: "out", type: "delta", chars: 0 },
    { ...entry(3), audioMs: 0, audioHash: 0xffffffff },
    { ...entry(4), direction: "note", type: "closed 1006", bytes: 2 ** 40 },
  ];
  for (const one of all) log.add(one);
  assert.deepEqual(
    [...log.entries()],
    all.map((one, seq) => ({ seq, ...one })),
  );
});

Deno.test("entries() reads from a position, of one session, up to the end at the call", () => {
  const log = createLog(100);
  for (let i = 0; i < 10; i++) log.add(entry(i, i % 2 ? "odd" : "even"));
  const seqs = (filter: Parameters<typeof log.entries>[0]) =>
    [...log.entries(filter)].map(({ seq }) => seq);
  assert.deepEqual(seqs({ since: 8 }), [8, 9]);
  assert.deepEqual(seqs({ since: 5, session: "odd" }), [5, 7, 9]);
  const reading = log.entries();
  reading.next();
  log.add(entry(10));
  assert.equal([...reading].length, 9);
});

Deno.test("clear() removes every entry, and positions go on", () => {
  const log = createLog(4);
  for (let i = 0; i < 6; i++) log.add(entry(i));
  log.clear();
  assert.deepEqual([...log.entries()], []);
  assert.equal(log.dropped, 0);
  log.add(entry(6));
  assert.deepEqual([...log.entries()].map(({ seq }) => seq), [6]);
});

Deno.test("createLog() keeps at most 1,000 types, and logs the others as (other)", () => {
  const log = createLog(3000);
  for (let i = 0; i < 2500; i++) log.add({ ...entry(i), type: `type ${i}` });
  const types = [...log.entries()].map(({ type }) => type);
  assert.equal(types[0], "type 0");
  assert.equal(types[2499], "(other)");
});

Deno.test("hashAudio() depends on the samples and their order, not on the chunks", () => {
  const samples = fc.array(fc.integer({ min: -32_768, max: 32_767 }), {
    minLength: 2,
    maxLength: 50,
  });
  fc.assert(fc.property(samples, fc.nat(), (values, cut) => {
    const all = Int16Array.from(values);
    const at = cut % all.length;
    const inTwo = hashAudio(all.subarray(at), hashAudio(all.subarray(0, at)));
    assert.equal(inTwo, hashAudio(all));
    const swapped = Int16Array.from([
      ...all.subarray(at),
      ...all.subarray(0, at),
    ]);
    if (swapped.some((value, i) => value !== all[i])) {
      assert.notEqual(hashAudio(swapped), hashAudio(all));
    }
  }));
});
