import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type LineSink,
  linesTo,
  type LineWriter,
  lineWriter,
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
  return lineWriter({ name: "x.jsonl", open, ...options });
}

Deno.test("lineWriter() writes every line in order, whatever a write takes", async () => {
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

Deno.test("lineWriter() makes no text while a line is pushed", async () => {
  const { kept, sink } = memory();
  const writer = writerTo(sink);
  let made = 0;
  writer.push(() => `${++made}\n`);
  assert.equal(made, 0);
  await writer.end();
  assert.deepEqual([kept.text, kept.closed], ["1\n", true]);
});

Deno.test("lineWriter() gives the run its turn between portions of many lines", async () => {
  const { kept, sink } = memory(1e9);
  const writer = writerTo(sink);
  const line = "x".repeat(9_999) + "\n";
  for (let i = 0; i < 100; i++) writer.push(() => line);
  await writer.end();
  assert.equal(kept.text.length, 1e6);
  assert.ok(kept.writes >= 14, `${kept.writes} writes`);
});

Deno.test("lineWriter() opens nothing where there was no line", async () => {
  const writer = lineWriter({
    name: "x",
    open: () => assert.fail("opened"),
  });
  await writer.end();
});

Deno.test("lineWriter() tells a full disk at the end, and how far it came", async () => {
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
      "Cannot write all lines to 'x.jsonl': 2 are in it (No space left on device)",
  });
});

Deno.test("lineWriter() tells a text that could not be made", async () => {
  const writer = writerTo(memory().sink);
  writer.push(() => {
    throw new TypeError("Cyclic");
  });
  await assert.rejects(writer.end(), /0 are in it \(Cyclic\)/);
});

Deno.test("lineWriter() writes a batch of any weight where its sink takes it", async () => {
  const { kept, sink } = memory();
  const writer = writerTo(sink, { maxWeight: 10 });
  for (let i = 0; i < 100; i++) writer.push(() => "x\n", 1e9);
  await writer.end();
  assert.equal(kept.text.length, 200);
});

Deno.test("lineWriter() gives up where nothing is taken while too much waits, and does not wait for it", async () => {
  const hanging = Promise.withResolvers<number>();
  let closed = false;
  const writer = writerTo({
    write: () => hanging.promise,
    close: () => void (closed = true),
  }, { maxWeight: 10, patienceMs: 20 });
  for (let i = 0; i < 100; i++) writer.push(() => "x\n");
  await assert.rejects(writer.end(), {
    message:
      "Cannot write all lines to 'x.jsonl': 0 are in it (it takes them too slowly: too many wait, and for 0.02 s they did not become fewer)",
  });
  writer.push(() => assert.fail("made"));
  hanging.resolve(200);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(closed, true);
});

Deno.test("lineWriter() gives up where more comes than is taken", async () => {
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
  await assert.rejects(writer.end(), /too slowly/);
  await closed.promise; // the write that was under way has ended
  assert.ok(kept.text.length > 0);
});

Deno.test("lineWriter() has patience with little that waits", async () => {
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

Deno.test("lineWriter() counts a line that came in pieces once", async () => {
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
  await assert.rejects(writer.end(), /'x.jsonl': 1 are in it \(full\)/);
});

Deno.test("linesTo() begins a file anew, when the first line comes", async () => {
  await using folder = await scratch();
  const path = folder.at("x.jsonl");
  await Deno.writeTextFile(path, "old and longer than what follows\n");
  await using writer = linesTo(path);
  assert.match(await Deno.readTextFile(path), /^old/);
  writer.push(() => "new\n");
  await writer.end();
  assert.equal(await Deno.readTextFile(path), "new\n");
});

Deno.test("linesTo() tells a device that is full", async () => {
  const writer = linesTo("/dev/full");
  writer.push(() => "x\n");
  await assert.rejects(
    writer.end(),
    /'\/dev\/full': 0 are in it \(No space left/,
  );
});
