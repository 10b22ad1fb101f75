import { z } from "zod";
import { type BackendPlugin, defineBackend } from "../../plugins/mod.ts";
import { endpointPath } from "../connect/options.ts";
import { openBackend, type Protocol } from "./backend.ts";
import { choicesProtocol } from "./choices_reader.ts";
import { bytesOf, jsonRequest } from "./json.ts";
import {
  generationFields,
  type GenerationOptions,
  generationShape,
  refineOpenAi,
} from "./options.ts";

/** Options of {@linkcode completions}. */
export interface CompletionsOptions extends GenerationOptions {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/completions"}
   */
  path?: string;
}

const completionsOptions = z.strictObject({
  ...generationShape,
  path: endpointPath("/v1/completions"),
}).superRefine((settings, context) =>
  refineOpenAi(settings, context, ["prompt"])
);

/**
 * Sends prompts to `/v1/completions` without a chat template and reads the answers, streamed or whole.
 *
 * @example Usage
 * ```ts
 * import { completions } from "@earshot/earshot";
 *
 * const backend = completions({ target: "http://127.0.0.1:8000", maxOutputTokens: 128 });
 * // backend.name is "completions"
 * ```
 */
export const completions: BackendPlugin<CompletionsOptions> = defineBackend({
  name: "completions",
  summary: "Sends prompts to /v1/completions",
  primary: "target",
  options: completionsOptions,
  open: (settings, context) =>
    openBackend(settings, context, completionsProtocol),
});

function completionsProtocol(
  settings: z.output<typeof completionsOptions>,
  model: string,
): Protocol<Uint8Array> {
  return {
    ...choicesProtocol(settings, "text"),
    needs: ["text"],
    prepare(turn) {
      const { text, messages } = turn.columns;
      if (messages !== undefined) {
        throw new Error(
          "completions accepts no messages; use the chat backend for them",
        );
      }
      const fields = generationFields(settings, {
        model,
        maxTokensField: "max_tokens",
        turn,
        own: { prompt: text },
      });
      return Promise.resolve(bytesOf(JSON.stringify(fields)));
    },
    request: ({ prepared }) => jsonRequest(prepared),
    sent: ({ turn }) => ({ text: turn.columns.text ?? "" }),
  };
}
