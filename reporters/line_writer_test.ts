import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type LineSink,
  linesTo,
  LineWriter,
  type LineWriterOptions,
} from "./line_writer.ts";
import { scratch } from "../tests/support/reporters.ts";

/** A sink that keeps what it gets, a few bytes at a time. */
function memory(most = 1000) {
  const decoder = new TextDecoder();
  const kept = { text: "", writes: 0, closed: false };
  const sink: LineSink = {
    write(bytes) {
      const some = bytes.subarray(0, most);
      kept.text += decoder.decode(some, { stream: true });
      kept.writes++;
      return Promise.resolve(some.length);
    },
    close: () => void (kept.closed = true),
  };
  return { kept, sink };
}

function writerTo(sink: LineSink, options?: Partial<LineWriterOptions>) {
  const open = () => Promise.resolve(sink);
  return new LineWriter({ name: "x.jsonl", open, ...options });
}

Deno.test("LineWriter writes every line in order, in writes of any size", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme" })),
    fc.integer({ min: 1, max: 50 }),
    async (lines, most) => {
      const { kept, sink } = memory(most);
      const writer = writerTo(sink);
      for (const [i, line] of lines.entries()) {
        writer.push(() => `${line}\n`);
        if (i % 3 === 0) await Promise.resolve();
      }
      await writer.end();
      assert.equal(kept.text, lines.map((line) => `${line}\n`).join(""));
    },
  ));
});

Deno.test("LineWriter creates no text while a line is pushed", async () => {
  const { kept, sink } = memory();
  const writer = writerTo(sink);
  let made = 0;
  writer.push(() => `${++made}\n`);
  assert.equal(made, 0);
  await writer.end();
  assert.deepEqual([kept.text, kept.closed], ["1\n", true]);
});

Deno.test("LineWriter lets the run continue between portions of many lines", async () => {
  const { kept, sink } = memory(1e9);
  const writer = writerTo(sink);
  const line = "x".repeat(9_999) + "\n";
  for (let i = 0; i < 100; i++) writer.push(() => line);
  await writer.end();
  assert.equal(kept.text.length, 1e6);
  assert.ok(kept.writes >= 14, `${kept.writes} writes`);
});

Deno.test("LineWriter opens nothing without a line", async () => {
  const writer = new LineWriter({
    name: "x",
    open: () => assert.fail("opened"),
  });
  await writer.end();
});

Deno.test("LineWriter reports a full disk at the end with the number of lines written", async () => {
  let room = 2;
  const writer = writerTo({
    write: (bytes) =>
      room-- > 0
        ? Promise.resolve(bytes.length)
        : Promise.reject(new Error("No space left on device")),
    close: () => {},
  });
  for (let i = 0; i < 5; i++) {
    writer.push(() => `${"x".repeat(70_000)}\n`);
  }
  await assert.rejects(writer.end(), {
    message:
      "x.jsonl: cannot write all lines (2 written): No space left on device",
  });
});

Deno.test("LineWriter reports a text that could not be created", async () => {
  const writer = writerTo(memory().sink);
  writer.push(() => {
    throw new TypeError("Cyclic");
  });
  await assert.rejects(writer.end(), /\(0 written\): Cyclic/);
});

Deno.test("LineWriter writes a batch of any weight that its sink accepts", async () => {
  const { kept, sink } = memory();
  const writer = writerTo(sink, { maxWeight: 10 });
  for (let i = 0; i < 100; i++) writer.push(() => "x\n", 1e9);
  await writer.end();
  assert.equal(kept.text.length, 200);
});

Deno.test("LineWriter gives up on a sink that accepts nothing while too much waits", async () => {
  const hanging = Promise.withResolvers<number>();
  let closed = false;
  const writer = writerTo({
    write: () => hanging.promise,
    close: () => void (closed = true),
  }, { maxWeight: 10, patienceMs: 20 });
  for (let i = 0; i < 100; i++) writer.push(() => "x\n");
  await assert.rejects(writer.end(), {
    message:
      "x.jsonl: cannot write all lines (0 written): too slow: too many lines wait, and their number did not decrease for 0.02 s",
  });
  writer.push(() => assert.fail("made"));
  hanging.resolve(200);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(closed, true);
});

Deno.test("LineWriter gives up if lines arrive faster than the sink accepts them", async () => {
  const { kept, sink } = memory();
  const closed = Promise.withResolvers<void>();
  const writer: LineWriter = writerTo({
    write(bytes) {
      more();
      return new Promise((resolve) => setTimeout(resolve, 1)).then(() =>
        sink.write(bytes)
      );
    },
    close: closed.resolve,
  }, { maxWeight: 10, patienceMs: 20 });
  const line = "x".repeat(999) + "\n";
  function more() {
    for (let i = 0; i < 200; i++) writer.push(() => line);
  }
  more();
  await assert.rejects(writer.end(), /too slow/);
  await closed.promise; // the write that was under way has ended
  assert.ok(kept.text.length > 0);
});

Deno.test("LineWriter does not give up while little waits", async () => {
  const { kept, sink } = memory();
  const writer = writerTo({
    ...sink,
    async write(bytes) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return sink.write(bytes);
    },
  }, { maxWeight: 10, patienceMs: 1 });
  for (let i = 0; i < 10; i++) writer.push(() => "x\n");
  await writer.end();
  assert.equal(kept.text.length, 20);
});

Deno.test("LineWriter counts a line of several parts once", async () => {
  let room = 1;
  const writer = writerTo({
    write: (bytes) =>
      room-- > 0
        ? Promise.resolve(bytes.length)
        : Promise.reject(new Error("full")),
    close: () => {},
  });
  const long = "x".repeat(65_536);
  for (const piece of ["a", "b\n", `c\nd${long}`, "e\n"]) {
    writer.push(() => piece);
  }
  await assert.rejects(
    writer.end(),
    /x.jsonl: cannot write all lines \(1 written\): full/,
  );
});

Deno.test("linesTo() replaces a file when the first line is pushed", async () => {
  await using folder = await scratch();
  const path = folder.at("x.jsonl");
  await Deno.writeTextFile(path, "old and longer than what follows\n");
  await using writer = linesTo(path);
  assert.match(await Deno.readTextFile(path), /^old/);
  writer.push(() => "new\n");
  await writer.end();
  assert.equal(await Deno.readTextFile(path), "new\n");
});

Deno.test("linesTo() reports a full device", async () => {
  const writer = linesTo("/dev/full");
  writer.push(() => "x\n");
  await assert.rejects(
    writer.end(),
    /\/dev\/full: cannot write all lines \(0 written\): No space left/,
  );
});
