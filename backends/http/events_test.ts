import fc from "fast-check";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Body } from "./body.ts";
import { MAX_BODY_BYTES } from "../connect/content.ts";
import { eventStream, sniffedBody } from "./events.ts";
import type { ServerEvent } from "./http.ts";
import type { RequestError } from "../../plugins/mod.ts";

type Seen = ServerEvent & { readonly atMs: number };

/** Reads bytes in these pieces. */
function read(
  reads: readonly (string | Uint8Array)[],
  isLast: (event: ServerEvent) => boolean = () => false,
): Seen[] {
  const seen: Seen[] = [];
  const stream = eventStream((event, atMs) => {
    seen.push({ ...event, atMs });
    return isLast(event);
  });
  reads.forEach((bytes, i) => stream.read(Buffer.from(bytes as string), i));
  stream.end();
  return seen;
}

/** Data and types alone. */
const said = (events: readonly Seen[]) =>
  events.map(({ type, data }) => type === undefined ? data : [type, data]);

/** As servers send them to keep a connection open. */
const PINGS = [
  "event: ping",
  "event: ping\ndata:",
  "event: ping\ndata: {}",
  'event: ping\ndata: {"type": "ping"}',
  "event: ping\ndata: 2026-11-27 10:00:00.000000",
  'event: keepalive\ndata: {"type":"keepalive","sequence_number":3}',
  'data: {"sequence_number":3,"type":"keepalive"}',
  'data: {"type": "ping"}',
  "event: keep-alive\ndata: x",
  "event: heartbeat\ndata: {}",
];

const NO_PINGS = [
  '{"type":"text","text":"ping"}',
  '{"choices":[{"delta":{"content":"ping"}}]}',
  '"ping"',
  "ping",
  "[DONE]",
];

const CASES:
  readonly (readonly [what: string, text: string, said: unknown[]])[] = [
    ["LF", "data: a\n\ndata: b\n\n", ["a", "b"]],
    ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
    ["CR", "data: a\r\rdata: b\r\r", ["a", "b"]],
    ["no space", "data:a\n\n", ["a"]],
    ["one space of two", "data:  a\n\n", [" a"]],
    ["several lines", "data: a\ndata: b\ndata:\n\n", ["a\nb\n"]],
    ["comments", ": ping\n\ndata: a\n: ping\n\n:\n\n", ["a"]],
    ["types", "event: x\ndata: a\n\ndata: b\n\n", [["x", "a"], "b"]],
    ["a type without data", "event: x\n\ndata: b\n\n", ["b"]],
    ["other fields", "id: 1\nretry: 5\nretry: x\nid\ndata: a\n\n", ["a"]],
    ["a name cut with the stream", "data: a\n\ndat", ["a"]],
    ["a byte order mark", "\uFEFFdata: a\n\n", ["a"]],
    ["blank data", "data\n\ndata:\n\ndata:  \ndata:\n\ndata: a\n\n", ["a"]],
    ["no more than an id or a time", "id: 1\n\nretry: 5\n\ndata: a\n\n", ["a"]],
    ["pings", PINGS.map((ping) => `${ping}\n\n`).join("") + "data: a\n\n", [
      "a",
    ]],
    [
      "what only names a ping",
      NO_PINGS.map((data) => `data: ${data}\n\n`).join(""),
      [
        ...NO_PINGS,
      ],
    ],
    ["an error without data", "event: error\ndata:\n\n", [["error", ""]]],
    ["names other than ping", "event: pings\ndata: a\n\n", [["pings", "a"]]],
    ["no empty line at the end", "data: a\n\ndata: [DONE]\n", ["a", "[DONE]"]],
    ["no line end at the end", "data: a\r\n\r\ndata: b", ["a", "b"]],
    ["one CR at the end", "data: a\r", ["a"]],
    ["nothing", "", []],
    ["characters of four bytes", "data: é→日😀\n\n", ["é→日😀"]],
  ];

for (const [what, text, expected] of CASES) {
  Deno.test(`eventStream() reads ${what}`, () => {
    assert.deepEqual(said(read([text])), expected);
  });
}

/** The events before a stream becomes invalid. */
function eventsBefore(
  reads: readonly (string | Uint8Array)[],
  message: RegExp,
): string[] {
  const seen: string[] = [];
  assert.throws(
    () => read(reads, ({ data }) => !seen.push(data)),
    (error: RequestError) =>
      error.class === "protocol_error" && message.test(error.message),
    JSON.stringify(reads),
  );
  return seen;
}

Deno.test("eventStream() rejects bytes that are not text, in a line or before it", () => {
  const bytes = Buffer.from([0x80, 0xff, 0xc1]);
  const inside = Buffer.concat([Buffer.from("data: x"), bytes]);
  for (
    const reads of [
      ["data: a\n\n", bytes, "data: b\n\n"],
      ["data: a\n\nda", "ta: c\n\r", bytes],
      ["data: a\r\r", Buffer.from([0xc3, 0xa9, 0x80]), "data: b\n\n"],
      [Buffer.concat([Buffer.from("data: a\n\n"), bytes])],
      [Buffer.concat([Buffer.from("data: a\r\r"), inside])],
      ["data: a\n\n", inside, "\n\n"],
      ["data: a\n\ndata: ", Buffer.from([0xe2, 0x82]), "b\n\n"],
    ]
  ) {
    const [first] = eventsBefore(reads, /must be UTF-8 text, but was/);
    assert.equal(first, "a");
  }
});

Deno.test("eventStream() rejects lines that are not fields of a stream", () => {
  const lines = [
    "xdata: b\n\n",
    "rest of a lost event\n\n",
    '{"error":"x"}\n',
    "Data: b\n\n",
    "foo\n",
  ];
  for (const line of lines) {
    for (const end of ["", "data: c\n\n"]) {
      const text = `data: a\n\n${line}${end}`;
      for (const reads of [[text], [...text]]) {
        const message = /must be data, event, id, retry or a comment, but was/;
        assert.deepEqual(eventsBefore(reads, message), ["a"]);
      }
    }
  }
  // A line that never ends is not waited for.
  eventsBefore([`data: a\n\n{"error"`], /but was \{"error"$/);
});

Deno.test("eventStream() does not mind what comes behind the last event", () => {
  const last = ({ data }: ServerEvent) => data === "[DONE]";
  const bytes = Buffer.from([0x80, 0xff, 0xc1]);
  const ends = [
    ["data: [DONE]\n\n", bytes],
    ["data: [DONE]\n\nx"],
    ["data: [DONE]\n\nx: y\n\n", bytes],
    [Buffer.concat([Buffer.from("data: [DONE]\n\n"), bytes])],
  ];
  for (const end of ends) assert.deepEqual(said(read(end, last)), ["[DONE]"]);
});

Deno.test("eventStream() leaves half a character of a model where it is", () => {
  assert.deepEqual(said(read(["data: \uFFFDa\n\n", "data: b", "\uFFFD\n\n"])), [
    "\uFFFDa",
    "b\uFFFD",
  ]);
});

Deno.test("eventStream() says of an event that its end is missing", () => {
  const cut = ({ isCut }: Seen) => isCut === true;
  assert.deepEqual(read(["data: a\n\ndata: b\n\n"]).map(cut), [false, false]);
  assert.deepEqual(read(["data: a\n\ndata: {"]).map(cut), [false, true]);
});

Deno.test("eventStream() gives all events of a read its time", () => {
  const events = read(["data: a\n\ndata: b\n\nda", "ta: c\n\n", ": ping\n\n"]);
  assert.deepEqual(events.map(({ atMs }) => atMs), [0, 0, 1]);
});

Deno.test("eventStream() passes on an event that ends in CR without waiting for an LF", () => {
  const seen: string[] = [];
  const stream = eventStream(({ data }) => seen.push(data) > 9);
  stream.read(Buffer.from("data: a\r\r"), 0);
  assert.deepEqual(seen, ["a"]);
});

Deno.test("eventStream() asks no more after the last event, in the same read or later", () => {
  const isLast = ({ data }: ServerEvent) => data === "[DONE]";
  const reads = ["data: a\n\ndata: [DONE]\n\ndata: b\n\n", "data: c\n\n"];
  assert.deepEqual(said(read(reads, isLast)), ["a", "[DONE]"]);
});

Deno.test("eventStream() refuses an event that would fill the memory, and no number of small ones", () => {
  const flood = Buffer.alloc(8 * 1024 * 1024, "data: x\n\n");
  const long = Buffer.alloc(8 * 1024 * 1024, "x");
  const stream = eventStream(() => false);
  for (let i = 0; i < 9; i++) assert.equal(stream.read(flood, i), false);
  stream.read(Buffer.from("data: "), 9);
  assert.throws(() => {
    for (let i = 0; i < 8; i++) stream.read(long, i);
  }, {
    class: "too_large",
    message: /an event must be at most 64 MiB/,
  });
});

Deno.test("eventStream() reads the same events however the bytes are split", () => {
  const line = fc.oneof(
    fc.constantFrom("data: ", "data:", ": ", "event: x", "event:", "id: 1", ""),
    fc.string({ unit: "grapheme", maxLength: 6 }).map((text) =>
      `data: ${text}`
    ),
  );
  const end = fc.constantFrom("\n", "\r\n", "\r");
  const lines = fc.array(fc.tuple(line, end), { maxLength: 12 });
  fc.assert(
    fc.property(
      lines,
      fc.array(fc.nat(200), { maxLength: 12 }),
      fc.boolean(),
      (parts, cuts, hasMark) => {
        const text = (hasMark ? "\uFEFF" : "") + parts.flat().join("");
        const bytes = Buffer.from(text);
        const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))]
          .sort((a, b) => a - b);
        const reads = [...places, bytes.length].map((to, i) =>
          bytes.subarray(places[i - 1] ?? 0, to)
        );
        assert.deepEqual(said(read(reads)), said(read([bytes])));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("eventStream() finds the events that were written, byte by byte", () => {
  const data = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) =>
    text.replaceAll(/[\r\n]/g, " ")
  );
  const event = fc.record({
    type: fc.option(fc.stringMatching(/^[a-z.]{1,8}$/), { nil: undefined }),
    lines: fc.array(data, { minLength: 1, maxLength: 3 }),
  });
  fc.assert(fc.property(
    fc.array(event, { maxLength: 5 }),
    fc.constantFrom("\n", "\r\n", "\r"),
    (events, end) => {
      const text = events.map(({ type, lines }) =>
        [
          ...(type === undefined ? [] : [`event: ${type}`]),
          ...lines.map((line) => `data: ${line}`),
          "",
        ].map((line) => line + end).join("")
      ).join("");
      const reads = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
      assert.deepEqual(
        read(reads).map(({ type, data }) => ({ type, data })),
        events.map(({ type, lines }) => ({ type, data: lines.join("\n") }))
          .filter(({ data }) => data.trim() !== ""),
      );
    },
  ));
});

/** The kind of body, with the time of each read. */
function sniff(reads: readonly (string | Uint8Array)[]) {
  const seen: { kind?: string; text: string; times: number[] } = {
    text: "",
    times: [],
  };
  const bodyOf = (kind: string): Body => {
    assert.equal(seen.kind, undefined);
    seen.kind = kind;
    return {
      read(bytes, atMs) {
        seen.text += bytes.toString("latin1");
        seen.times.push(atMs);
        return false;
      },
      end: () => {},
    };
  };
  const body = sniffedBody(() => bodyOf("events"), () => bodyOf("whole"));
  reads.forEach((bytes, i) => body.read(Buffer.from(bytes as string), i));
  const early = seen.kind;
  body.end();
  return { ...seen, early };
}

const STREAMS = [
  "data: x\n\n",
  "data:x",
  "event: message\ndata: x\n\n",
  "id: 1\ndata: x",
  "retry: 5\n\n",
  ": ping\n\n",
  ":\n",
  "\r\n\n\r: ok\n\n",
  "\uFEFFdata: x",
  "\uFEFF\n\ndata: x",
];

const OTHERS = [
  "",
  "\n\n\n",
  "{}",
  '\n\n{"data: ":1}',
  "data",
  "dat",
  "date: 1",
  "Data: x",
  "evening",
  " data: x",
  "\uFEFF",
  "\uFEFF{}",
  "\n\uFEFFdata: x",
  "The data: x",
  '"data: x"',
];

for (const [kind, texts] of [["events", STREAMS], ["whole", OTHERS]] as const) {
  Deno.test(`sniffedBody() reads a body as ${kind}, wherever it is cut`, () => {
    for (const text of texts) {
      const bytes = Buffer.from(text);
      for (const reads of [[bytes], [...bytes].map((b) => Uint8Array.of(b))]) {
        assert.equal(sniff(reads).kind, kind, JSON.stringify(text));
      }
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(fc.nat(20), { maxLength: 5 }),
        (text, cuts) => {
          const bytes = Buffer.from(text);
          const places = [...cuts.map((cut) => cut % (bytes.length + 1))]
            .sort((a, b) => a - b);
          const reads = [...places, bytes.length].map((to, i) =>
            bytes.subarray(places[i - 1] ?? 0, to)
          );
          assert.equal(sniff(reads).kind, kind);
        },
      ),
    );
  });
}

Deno.test("sniffedBody() decides with the first byte that distinguishes, and keeps the time of each read", () => {
  const split = sniff(["da", "ta", ": x\n", "\n"]);
  assert.deepEqual(split, {
    kind: "events",
    early: "events",
    text: "data: x\n\n",
    times: [0, 1, 2, 3],
  });
  assert.deepEqual(sniff(["\n", "\n", ":"]).times, [2]);
  assert.deepEqual(sniff(["d", "ate"]).times, [0, 1]);
});

Deno.test("sniffedBody() loses no bytes but blank lines before all else", () => {
  assert.equal(sniff(["\n", '\n{"a"', ":1}\n"]).text, '\n{"a":1}\n');
  assert.equal(sniff(["data"]).text, "data");
});

Deno.test("sniffedBody() refuses blank lines without an end", () => {
  const body = sniffedBody(() => assert.fail(), () => assert.fail());
  const piece = Buffer.alloc(MAX_BODY_BYTES / 8, "\n");
  for (let i = 0; i < 8; i++) body.read(piece, i);
  assert.throws(() => body.read(piece, 8), { class: "too_large" });
});
