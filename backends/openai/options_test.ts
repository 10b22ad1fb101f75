import assert from "node:assert/strict";
import type { Configured } from "../../plugins/mod.ts";
import { limitMs } from "../connect/options.ts";
import { chat } from "./chat/chat.ts";
import { completions } from "./completions.ts";
import { responses } from "./responses/responses.ts";
import { transcriptions } from "./audio/transcriptions.ts";
import { translations } from "./audio/translations.ts";

const target = "http://127.0.0.1:9";
const streamUsage = "continuous";

/** Options that contradict each other, and which is told. */
const REFUSED: readonly (readonly [string, Configured<"backend">, RegExp])[] = [
  ...[chat, completions, transcriptions, translations].map((plugin) =>
    [
      plugin.definition.name,
      plugin({ target, stream: false, streamUsage }),
      /streamUsage: .* comes whole .*: current value is continuous$/,
    ] as const
  ),
  [
    "a chat whose body is not streamed",
    chat({ target, body: { stream: false }, streamUsage }),
    /streamUsage: .* comes whole/,
  ],
  [
    "responses that are not kept",
    responses({ target, history: "server", body: { store: false } }),
    /history: .* body\.store is false: current value is "server"$/,
  ],
];

for (const [name, configured, message] of REFUSED) {
  Deno.test(`options that contradict each other are refused: ${name}`, async () => {
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

Deno.test("time limits have defaults, and can be turned off", async () => {
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
