import { z } from "zod";
import {
  type BackendPlugin,
  defineBackend,
  type Turn,
} from "../../plugins/mod.ts";
import { path, refuse } from "../connect/options.ts";
import { openBackend } from "./backend.ts";
import {
  answersIn,
  exactTokens,
  fieldsOf,
  streams,
  tokenLimit,
} from "./body.ts";
import { bytesOf } from "./bytes.ts";
import { choicesReader } from "./choices_reader.ts";
import {
  type GenerationOptions,
  generationShape,
  refineGeneration,
  refineTarget,
} from "./options.ts";
import { piecesOfText } from "./pieces.ts";
import type { ProtocolOf } from "./protocol.ts";
import { wholeAnswers } from "./whole_answer.ts";

/** Options of {@linkcode completions}. */
export interface CompletionsOptions extends GenerationOptions {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/completions"}
   */
  path?: string;
}

const completionsOptions = z.strictObject({
  ...generationShape,
  path: path().default("/v1/completions").describe(
    "Where the endpoint is on the server",
  ),
}).superRefine((settings, context) => {
  if ("prompt" in settings.body) {
    refuse(context, "body", "Cannot set prompt as it is the data's");
  }
  refineGeneration(settings, context);
  refineTarget(settings, context);
});

/** {@linkcode CompletionsOptions} with what was left out. */
type CompletionsSettings = z.output<typeof completionsOptions>;

/**
 * Sends prompts to `/v1/completions` as they are, without a chat's template, and reads the answer as it comes.
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

/** The endpoint, without its transport. */
const completionsProtocol: ProtocolOf<CompletionsSettings, Uint8Array> = (
  settings,
  model,
  context,
) => {
  const { streamUsage } = settings;
  const stream = streams(settings);
  const answers = answersIn(settings);
  const warn = wholeAnswers(context);
  return {
    needs: ["text"],
    facts: { stream, ...(stream && { streamUsage }) },
    streams: stream,
    exactTokens: (turn) => exactTokens(settings, turn),
    prepare(turn) {
      requirePrompt(turn);
      const own = { prompt: turn.columns.text };
      const maxTokensField = "max_tokens";
      const fields = fieldsOf(settings, { model, maxTokensField, turn, own });
      return Promise.resolve(
        bytesOf(JSON.stringify(fields)),
      );
    },
    request: ({ prepared: body }) => ({
      contentType: "application/json",
      body,
    }),
    reader: (call, { turn }) =>
      choicesReader({
        call,
        answers,
        tokenLimit: tokenLimit(settings, turn),
        required: "text",
        piecesOf: ({ text }) => piecesOfText(text),
        whole: () => stream && warn(),
      }),
    sent: ({ turn: { columns: { text = "" } } }) => ({
      text,
      tokenize: { prompt: text },
    }),
  };
};

function requirePrompt({ columns: { messages } }: Turn): void {
  if (messages === undefined) return;
  throw new Error(
    `Cannot send messages as completions takes a prompt alone (chat is for these): current value is ${messages.length} messages`,
  );
}
