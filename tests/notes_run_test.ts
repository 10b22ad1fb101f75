// Notes of whole runs about the lengths of prompts and answers and about cached prompts, and the same from a replay.

import assert from "node:assert/strict";
import { Replay } from "../core/replay.ts";
import {
  chat,
  type ChatOptions,
  concurrent,
  type Configured,
  type Report,
  synthetic,
} from "../mod.ts";
import { type ServerOptions, startServer } from "../server/mod.ts";
import { loopback } from "./support/loopback.ts";
import { sampled } from "./support/sampled.ts";

const QUICK: ServerOptions = { ttftMs: 0, itlMs: 0, outputTokens: 8 };

/** Notes of a run of 40 requests about more than its length. */
async function notesOf(
  options: ChatOptions,
  dataset: Configured<"dataset">,
): Promise<string[]> {
  const { report, samples } = await sampled({
    backend: chat({ healthPath: "off", stream: false, ...options }),
    dataset,
    load: concurrent({ streams: [2] }),
    stop: { requests: 40 },
  });
  const { stages, run, earshot, skipped, interrupted } = report;
  const again = new Replay({
    info: { run, earshot },
    stages: stages.map((stage) => ({
      ...stage,
      dropped: stage.counts.dropped,
    })),
    skipped,
    interrupted,
  });
  for (const sample of samples) again.add(sample);
  assert.deepEqual(notesIn(again.report()), notesIn(report));
  return notesIn(report);
}

function notesIn({ stages: [stage] }: Report): string[] {
  const { notes = [] } = stage!;
  return notes.filter((note) => !note.startsWith("the window of"));
}

/** Prompts of 190 tokens or so, as the server counts. */
const prompts = (options: Parameters<typeof synthetic>[0] = {}) =>
  synthetic({ inputTokens: 200, ...options });

/** The notes of a run against the reference server. */
async function notesOfServer(
  server: ServerOptions,
  options: Partial<ChatOptions>,
  dataset = prompts(),
): Promise<string[]> {
  await using running = await startServer({ ...QUICK, ...server });
  return await notesOf({ target: running.url, ...options }, dataset);
}

Deno.test("a run notes that answers do not have the length that was requested", async () => {
  const usage = { prompt_tokens: 100, completion_tokens: 5 };
  const choices = [{
    index: 0,
    message: { content: "four" },
    finish_reason: "stop",
  }];
  await using server = loopback(() => Response.json({ choices, usage }));
  const { target } = server;
  assert.deepEqual(
    await notesOf(
      { target, model: "m", maxOutputTokens: 16, ignoreEos: true },
      prompts(),
    ),
    [
      "100 % of the answers whose exact number of output tokens was requested have another number (median 5 instead of 16): the load is not as requested; check that the server supports ignore_eos and min_tokens",
    ],
  );
  assert.deepEqual(
    await notesOf({ target, model: "m", maxOutputTokens: 16 }, prompts()),
    [],
  );
});

Deno.test("a run notes answers that the context cut, and prompts that it refused", async () => {
  const ask = { maxOutputTokens: 150, ignoreEos: true };
  assert.deepEqual(await notesOfServer({ maxModelLen: 1000 }, ask), []);
  const [cut = "", ...others] = await notesOfServer({ maxModelLen: 300 }, ask);
  assert.match(
    cut,
    /^100 % of the answers were cut by the server below the requested limit \(median \d+ instead of 150\): at its context length/,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(
    await notesOfServer({ maxModelLen: 60 }, { maxOutputTokens: 8 }),
    [
      "the server refused 40 of 40 requests as longer than its context: the figures lack the longest prompts; raise its context length, or use shorter prompts and answers",
    ],
  );
});

Deno.test("a run notes prompts that were cached, unless they begin alike on purpose", async () => {
  const cached = { cachedTokens: 90 };
  const repeated = { count: 10, samePasses: true };
  const [note = ""] = await notesOfServer(cached, {});
  assert.match(
    note,
    /^\d\d % of the input tokens were in the server's cache, .*: prompts begin alike, or an earlier stage or run had sent them/,
  );
  const [sent = ""] = await notesOfServer(cached, {}, prompts(repeated));
  assert.match(sent, /: each session of the data was sent 4 times on average/);
  const shared = prompts({ prefixTokens: 50 });
  assert.deepEqual(await notesOfServer(cached, {}, shared), []);
  const [unknown = ""] = await notesOfServer({}, {}, prompts(repeated));
  assert.match(
    unknown,
    /^each session of the data was sent 4 times on average, and the server does not report what it had cached/,
  );
  assert.deepEqual(await notesOfServer({}, {}, prompts({ count: 10 })), []);
});
