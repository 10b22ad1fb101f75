import assert from "node:assert/strict";
import { encodeWav } from "../../audio/mod.ts";
import type { Audio, Configured, Turn } from "../../plugins/mod.ts";
import { type Peer, rawServer } from "../../tests/support/raw_server.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { responses } from "./responses.ts";
import { sse } from "../../tests/support/read_answer.ts";
import { talk } from "../../tests/support/loopback.ts";
import { transcriptions } from "./audio/transcriptions.ts";

const audio: Audio = {
  id: "silence",
  durationMs: 1000,
  file: () =>
    Promise.resolve({
      bytes: encodeWav(new Int16Array(16_000), 16_000),
      mediaType: "audio/wav",
      name: "silence.wav",
    }),
  pcm16: (rateHz) => Promise.resolve(new Int16Array(rateHz)),
};

interface Case {
  readonly turn: Turn;
  /** Events of the answer "one two". */
  readonly events: readonly string[];
  open(target: string, stream: boolean): Configured<"backend">;
}

const choice = (fields: Record<string, unknown>) => ({
  choices: [{ index: 0, ...fields }],
});

const common = (target: string, stream: boolean) => ({
  target,
  stream,
  model: "m",
  healthPath: "off",
  tokenize: false,
} as const);

const CASES: Readonly<Record<string, Case>> = {
  chat: {
    turn: { columns: { text: "hi" } },
    events: [
      sse(choice({ delta: { content: "one" } })),
      sse(choice({ delta: { content: " two" }, finish_reason: "stop" })),
      sse("[DONE]"),
    ],
    open: (target, stream) => chat(common(target, stream)),
  },
  completions: {
    turn: { columns: { text: "hi" } },
    events: [
      sse(choice({ text: "one" })),
      sse(choice({ text: " two", finish_reason: "stop" })),
      sse("[DONE]"),
    ],
    open: (target, stream) => completions(common(target, stream)),
  },
  responses: {
    turn: { columns: { text: "hi" } },
    events: [
      ["response.output_text.delta", { delta: "one" }],
      ["response.output_text.delta", { delta: " two" }],
      ["response.completed", { response: { id: "r", status: "completed" } }],
    ].map(([type, fields]) =>
      `event: ${type}\n${sse({ type, ...fields as Record<string, unknown> })}`
    ),
    open: (target, stream) => responses(common(target, stream)),
  },
  transcriptions: {
    turn: { columns: { audio } },
    events: [
      sse({ type: "transcript.text.delta", delta: "one" }),
      sse({ type: "transcript.text.delta", delta: " two" }),
      sse({ type: "transcript.text.done", text: "one two" }),
    ],
    open: (target, stream) => transcriptions(common(target, stream)),
  },
};

/** Starts a server that answers each request with these chunks, each sent when the one before was received. */
function streaming(contentType: string | undefined, pieces: readonly string[]) {
  return rawServer(async (peer: Peer) => {
    await peer.stream(contentType ? `content-type: ${contentType}\r\n` : "");
    for (const piece of pieces) await peer.chunk(piece);
    await peer.end();
  });
}

/** Sends turns through a backend and returns the samples and the warnings. */
async function asked(
  { turn, open }: Case,
  target: string,
  { stream = true, turns = [turn] } = {},
) {
  const warnings: string[] = [];
  const samples = await talk(open(target, stream), turns, {
    warn: (text) => void warnings.push(text),
  });
  return { samples, warnings };
}

for (const [name, one] of Object.entries(CASES)) {
  for (
    const type of [
      undefined,
      "text/plain; charset=utf-8",
      "application/json",
      "application/octet-stream",
    ]
  ) {
    Deno.test(`${name} reads an event stream with content type ${type}, stamps it and warns once`, async () => {
      const [first = "", ...rest] = one.events;
      const pieces = ["\n", first.slice(0, 3), first.slice(3), ...rest];
      await using server = await streaming(type, pieces);
      const { samples, warnings } = await asked(one, server.url.origin, {
        turns: [one.turn, one.turn],
      });
      assert.equal(samples.length, 2);
      for (const { outcome, output, marks, deltas } of samples) {
        assert.deepEqual(outcome, { status: "ok" });
        assert.equal(output.text, "one two");
        assert.ok(marks.firstEvent! >= marks.firstByte!);
        assert.ok(deltas.length >= 2);
      }
      assert.equal(warnings.length, 1);
      assert.match(
        warnings[0]!,
        type === undefined
          ? /^The server sends its event streams with no content type instead of text\/event-stream/
          : new RegExp(`with the content type ${type} instead`),
      );
    });
  }

  Deno.test(`${name} ignores events that only keep the connection open`, async () => {
    const idle = [
      "data:\n\n",
      "data: \n\n",
      "event: ping\ndata: {}\n\n",
      'event: ping\ndata: {"type":"ping"}\n\n',
      'data: {"type":"keepalive","sequence_number":1}\n\n',
      "event: ping\n\n",
      "id: 7\n\n",
      "retry: 100\n\n",
      ": ping\n\n",
    ];
    let isOver = false;
    await using server = await rawServer(async (peer) => {
      await peer.stream();
      for (const event of idle) await peer.chunk(event);
      if (isOver) return await peer.end();
      for (const event of one.events) {
        await peer.chunk(event);
        if (event !== one.events.at(-1)) await peer.chunk(idle.join(""));
      }
      isOver = true;
      await peer.end();
    });
    const { samples: [sample], warnings } = await asked(
      one,
      server.url.origin,
    );
    assert.deepEqual(sample!.outcome, { status: "ok" });
    assert.equal(sample!.output.text, "one two");
    assert.deepEqual(sample!.deltas.map(({ text }) => text).filter(Boolean), [
      "one",
      " two",
    ]);
    assert.equal(sample!.marks.firstEvent, sample!.deltas[0]!.atMs);
    assert.deepEqual(warnings, []);
    // A stream of nothing else is not an answer and has no first event.
    const { samples: [none] } = await asked(one, server.url.origin);
    assert.equal(none!.outcome.status, "error");
    assert.equal(none!.marks.firstEvent, undefined);
  });

  Deno.test(`${name} rejects an event stream under another content type in place of a whole answer`, async () => {
    await using server = await streaming("application/json", one.events);
    const { samples: [sample], warnings } = await asked(
      one,
      server.url.origin,
      { stream: false },
    );
    const { outcome } = sample!;
    assert.ok(outcome.status === "error");
    assert.equal(outcome.failure.class, "protocol_error");
    assert.match(outcome.failure.message, /stream=true/);
    assert.deepEqual(warnings, []);
  });
}

Deno.test("chat reads JSON in place of a stream, also after blank lines", async () => {
  const body = JSON.stringify(
    choice({ message: { content: "data: one" }, finish_reason: "stop" }),
  );
  for (const pieces of [[body], ["\n\n", "\n", body]]) {
    await using server = await streaming("application/json", pieces);
    const { samples: [sample], warnings } = await asked(
      CASES.chat!,
      server.url.origin,
    );
    assert.equal(sample!.output.text, "data: one");
    assert.equal(sample!.marks.firstEvent, undefined);
    assert.match(warnings.join(), /^The server does not stream/);
  }
});
