import assert from "node:assert/strict";
import type { Configured } from "../../plugins/mod.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { responses } from "./responses.ts";
import { transcriptions } from "./transcriptions.ts";
import { translations } from "./translations.ts";

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
