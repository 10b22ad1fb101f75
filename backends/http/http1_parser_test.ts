import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { NotHttpError } from "../connect/failures.ts";
import { ResponseParser } from "./http1_parser.ts";

/** Parses responses one after another, from pieces of any size. Returns what was reported. */
function parsed(pieces: readonly Buffer[]) {
  const found: { status: number; headers: [string, string][] }[] = [];
  let body = "", ends = 0;
  const parser = new ResponseParser({
    head: (status, headers) => found.push({ status, headers: [...headers] }),
    body: (piece) => body += piece.toString("latin1"),
    end: () => ends++,
  });
  let left = Buffer.alloc(0);
  for (const piece of pieces) {
    left = Buffer.concat([left, piece]);
    while (left.length > 0) left = left.subarray(parser.parse(left));
  }
  return { found, body, ends, isKept: parser.isKept, parser };
}

const response = (...lines: string[]) => Buffer.from(lines.join("\r\n"));

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.toSorted((a, b) => a - b), bytes.length];
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const CHUNKED = response(
  "HTTP/1.1 103 Early Hints",
  "link: </x>",
  "",
  "HTTP/1.1 200 OK",
  "Transfer-Encoding: gzip, Chunked",
  "X-Request-Id:  a b ",
  "x-request-id: second",
  "",
  '5;name="v"',
  "hello",
  "0A",
  "\r\n, world!",
  "0 ",
  "trailer: x",
  "",
  "",
);
const WITH_LENGTH = response(
  "HTTP/1.1 404 ",
  "content-length: 4",
  "Connection: Close",
  "",
  "gone",
);
const EMPTY = response("HTTP/1.1 204 No Content", "a: b", "", "");

Deno.test("ResponseParser reports the same however a response is cut into reads", () => {
  const all = Buffer.concat([CHUNKED, EMPTY, WITH_LENGTH]);
  const whole = parsed([all]);
  assert.deepEqual(whole.found, [
    { status: 103, headers: [["link", "</x>"]] },
    {
      status: 200,
      headers: [
        ["transfer-encoding", "gzip, Chunked"],
        ["x-request-id", "a b"],
      ],
    },
    { status: 204, headers: [["a", "b"]] },
    {
      status: 404,
      headers: [["content-length", "4"], ["connection", "Close"]],
    },
  ]);
  assert.equal(whole.body, "hello\r\n, world!gone");
  assert.equal(whole.ends, 3);
  assert.equal(whole.isKept, false);
  const places = fc.array(fc.nat({ max: all.length }), { maxLength: 20 });
  fc.assert(fc.property(places, (places) => {
    const { found, body, ends } = parsed(cut(all, places));
    assert.deepEqual([found, body, ends], [whole.found, whole.body, 3]);
  }));
});

Deno.test("ResponseParser stops behind the end of a response", () => {
  const { parser } = parsed([]);
  assert.equal(
    parser.parse(Buffer.concat([WITH_LENGTH, EMPTY])),
    WITH_LENGTH.length,
  );
});

Deno.test("ResponseParser reads a body of any bytes", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })),
    fc.nat(),
    (chunks, place) => {
      const framed = Buffer.concat([
        response("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", ""),
        ...chunks.flatMap((chunk) => [
          Buffer.from(`${chunk.length.toString(16)}\r\n`),
          chunk,
          Buffer.from("\r\n"),
        ]),
        response("0", "", ""),
      ]);
      const { body, ends } = parsed(cut(framed, [place % framed.length]));
      assert.equal(body, Buffer.concat(chunks).toString("latin1"));
      assert.equal(ends, 1);
    },
  ));
});

for (
  const [what, lines, isKept] of [
    ["HTTP/1.1", ["HTTP/1.1 200 OK", "content-length: 0"], true],
    ["HTTP/1.0", ["HTTP/1.0 200 OK", "content-length: 0"], false],
    [
      "HTTP/1.0 that keeps it",
      ["HTTP/1.0 200 OK", "connection: Keep-Alive", "content-length: 0"],
      true,
    ],
    ["a body until the close", ["HTTP/1.1 200 OK"], false],
  ] as const
) {
  Deno.test(`ResponseParser knows whether ${what} keeps the connection`, () => {
    const { isKept: found, parser } = parsed([response(...lines, "", "")]);
    assert.equal(found, isKept);
    assert.equal(parser.endsWithClose, what.includes("until"));
  });
}

for (
  const [what, text] of [
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["a part of a line that cannot become one", "HTTQ"],
    ["HTTP/2", "HTTP/2 200\r\n\r\n"],
    ["a status that is not a number", "HTTP/1.1 OK\r\n\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\r\nx\r\n\r\n"],
    [
      "a length that is not a number",
      "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    ],
    [
      "a chunk without a size",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n",
    ],
    [
      "a chunk of more bytes than it names",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
    ],
    [
      "a chunk that no memory could hold",
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${"f".repeat(16)}`,
    ],
    ["lines of a head that end with LF alone", "HTTP/1.1 200 OK\nx: y\n\n"],
    ["a head without an end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(65_536)}`],
  ] as const
) {
  Deno.test(`ResponseParser refuses ${what}`, () => {
    assert.throws(() => parsed([Buffer.from(text)]), NotHttpError);
  });
}
