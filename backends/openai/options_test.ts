import assert from "node:assert/strict";
import type { Configured } from "../../plugins/mod.ts";
import { limitMs } from "../connect/options.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { responses } from "./responses.ts";
import { transcriptions, translations } from "./audio/transcriptions.ts";

const target = "http://127.0.0.1:9";
const streamUsage = "continuous";

/** Contradictory options and the error. */
const REFUSED: readonly (readonly [string, Configured<"backend">, RegExp])[] = [
  ...[chat, completions, transcriptions, translations].map((plugin) =>
    [
      plugin.definition.name,
      plugin({ target, stream: false, streamUsage }),
      /streamUsage:? must be final or off unless the answer is streamed.* "?continuous"?$/,
    ] as const
  ),
  [
    "a chat that the body does not stream",
    chat({ target, body: { stream: false }, streamUsage }),
    /streamUsage:? must be final or off unless the answer is streamed/,
  ],
  [
    "responses that are not stored",
    responses({ target, history: "server", body: { store: false } }),
    /history:? must not be server if body\.store is false.* "server"$/,
  ],
];

for (const [name, configured, message] of REFUSED) {
  Deno.test(`contradictory options are rejected: ${name}`, async () => {
    await assert.rejects(
      configured.open({
        env: () => undefined,
        signal: new AbortController().signal,
        warn: () => {},
      }),
      { name: "UsageError", message },
    );
  });
}

Deno.test("timeouts have defaults and can be disabled", async () => {
  const limits = async (
    plugin: typeof chat | typeof transcriptions,
    given: object,
  ) => {
    const { value } = await plugin.definition.options["~standard"].validate({
      target,
      ...given,
    }) as { value: Record<string, unknown> };
    return ["headers", "receive", "request"].map((what) =>
      limitMs(value[`${what}TimeoutMs`] as number | "off" | false)
    );
  };
  assert.deepEqual(await limits(chat, {}), [undefined, 120_000, 600_000]);
  assert.deepEqual(await limits(transcriptions, {}), [
    undefined,
    120_000,
    3_600_000,
  ]);
  const off = { receiveTimeoutMs: "off", requestTimeoutMs: false };
  assert.deepEqual(await limits(chat, { ...off, headersTimeoutMs: 7 }), [
    7,
    undefined,
    undefined,
  ]);
});
