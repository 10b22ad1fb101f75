import { z } from "zod";
import {
  type BackendPlugin,
  defineBackend,
  type Output,
} from "../../plugins/mod.ts";
import { path } from "../target/options.ts";
import { openBackend } from "./backend.ts";
import {
  type GenerationOptions,
  generationShape,
  refineTarget,
} from "./options.ts";
import type { Protocol } from "./protocol.ts";

/** Options of {@linkcode chat}. */
export interface ChatOptions extends GenerationOptions {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/chat/completions"}
   */
  path?: string;
}

const chatOptions = z.strictObject({
  ...generationShape,
  path: path().default("/v1/chat/completions").describe(
    "Where the endpoint is on the server",
  ),
}).superRefine(refineTarget);

type ChatSettings = z.output<typeof chatOptions>;

/** Sends chats to `/v1/chat/completions` and reads the answer as it comes. */
export const chat: BackendPlugin<ChatOptions> = defineBackend({
  name: "chat",
  summary: "Sends chats to /v1/chat/completions",
  primary: "target",
  options: chatOptions,
  open: (settings, context) => openBackend(settings, context, chatProtocol),
});

function chatProtocol(
  { stream, streamUsage, maxOutputTokens, ignoreEos, body }: ChatSettings,
  model: string,
): Protocol<string> {
  return {
    needs: ["text"],
    facts: { stream },
    prepare: ({ columns: { text = "" }, maxOutputTokens: limit }) =>
      Promise.resolve(JSON.stringify({
        model,
        messages: [{ role: "user", content: text }],
        max_completion_tokens: limit ?? maxOutputTokens,
        ...(ignoreEos && { ignore_eos: true }),
        ...(stream && { stream }),
        ...(stream && streamUsage !== "off" &&
          { stream_options: { include_usage: true } }),
        ...body,
      })),
    request: ({ prepared }) => ({
      contentType: "application/json",
      body: prepared,
    }),
    reader(call) {
      let output: Output = {};
      return {
        event({ data }, atMs) {
          if (data === "[DONE]") return true;
          const { choices, usage } = JSON.parse(data);
          const content = choices[0]?.delta?.content;
          if (content !== undefined) {
            call.output(atMs, { kind: "text", text: content });
          }
          if (usage) {
            output = {
              usage: {
                inputTokens: usage.prompt_tokens,
                outputTokens: usage.completion_tokens,
              },
            };
          }
          return false;
        },
        body(text) {
          output = { text: JSON.parse(text).choices[0].message.content };
        },
        result: () => output,
      };
    },
  };
}
