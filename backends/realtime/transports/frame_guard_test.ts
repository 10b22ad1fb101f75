import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { frame } from "../../../tests/support/scripted_server.ts";
import { frameGuard } from "./frame_guard.ts";

const FINE = [
  frame(0x81, "hello"),
  frame(0x01, "x".repeat(300)),
  frame(0x89, "ping"),
  frame(0x00, "y".repeat(70_000)),
  frame(0x80, ""),
  frame(0x82, "z"),
];

/** Where a guard finds the violation in a stream that comes in pieces of a size; undefined if it finds none. */
function foundAt(stream: Uint8Array, pieceBytes: number): number | undefined {
  const guard = frameGuard();
  for (let start = 0; start < stream.length; start += pieceBytes) {
    const breach = guard(stream.subarray(start, start + pieceBytes));
    if (breach) return start + breach.at;
  }
}

Deno.test("frameGuard() lets valid frames pass, however they are cut", () => {
  const stream = Buffer.concat(FINE);
  for (const pieceBytes of [1, 2, 3, 7, 1000, stream.length]) {
    assert.equal(foundAt(stream, pieceBytes), undefined, String(pieceBytes));
  }
});

Deno.test("frameGuard() finds a frame that is not valid, however it is cut", () => {
  const fine = Buffer.concat(FINE);
  const stream = Buffer.concat([fine, frame(0xf1, "x"), ...FINE]);
  assert.equal(foundAt(stream, stream.length), fine.length);
  // A byte of the header may have passed when the second comes.
  for (const pieceBytes of [1, 2, 3, 7, 1000]) {
    const at = foundAt(stream, pieceBytes)!;
    assert.ok(
      at >= fine.length && at <= fine.length + 1,
      `${at} by ${pieceBytes}`,
    );
  }
});

Deno.test("frameGuard() reads nothing behind a close frame", () => {
  const close = frame(0x88, Uint8Array.of(0x03, 0xe8));
  assert.equal(foundAt(Buffer.concat([close, frame(0xf1, "x")]), 3), undefined);
});

Deno.test("frameGuard() reports each message once, and no control frame", () => {
  const stream = Buffer.concat(FINE);
  for (const pieceBytes of [1, 7, 1000, stream.length]) {
    let messages = 0;
    const guard = frameGuard(() => messages++);
    for (let start = 0; start < stream.length; start += pieceBytes) {
      guard(stream.subarray(start, start + pieceBytes));
    }
    assert.equal(messages, 3, String(pieceBytes));
  }
});

Deno.test("frameGuard() reports a message when its last byte was read, with what is behind it", () => {
  const behind: number[] = [];
  const guard = frameGuard((bytes) => behind.push(bytes));
  const hello = frame(0x81, "hello"), empty = frame(0x81, "");
  guard(hello.subarray(0, 4));
  assert.deepEqual(behind, []);
  guard(hello.subarray(4));
  guard(Buffer.concat([hello, empty]));
  assert.deepEqual(behind, [0, empty.length, 0]);
});
