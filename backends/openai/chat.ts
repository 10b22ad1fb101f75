import { z } from "zod";
import { endpointPath, refuse } from "../connect/options.ts";
import { openBackend, type Protocol } from "./backend.ts";
import { choicesProtocol } from "./choices_reader.ts";
import {
  type ConversationFormat,
  conversationRequests,
  isTextOnly,
  type PreparedTurn,
  turnsBehind,
} from "./conversation.ts";
import { type JsonObject, objectsIn } from "../../lib/json.ts";
import { joinText, withoutEmpty } from "./json.ts";
import { Media } from "./media.ts";
import {
  generationFields,
  type GenerationOptions,
  generationShape,
  refineOpenAi,
} from "./options.ts";
import type { SentText } from "./token_counts.ts";
import {
  type BackendPlugin,
  defineBackend,
  type ToolCall,
} from "../../plugins/mod.ts";

/** Options of {@linkcode chat}. */
export interface ChatOptions extends GenerationOptions {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/chat/completions"}
   */
  path?: string;
  /**
   * Field for the maximum number of output tokens: older servers support only `max_tokens`.
   *
   * @default {"max_completion_tokens"}
   */
  maxTokensField?: "max_completion_tokens" | "max_tokens";
  /**
   * Answers that later turns of a session are sent with: the server's `answers`, the `scripted` ones of the data, or
   * `none`, which sends each turn alone.
   *
   * @default {"answers"}
   */
  history?: "answers" | "scripted" | "none";
  /**
   * Includes the reasoning of each answer in the history.
   *
   * @default {false}
   */
  historyReasoning?: boolean;
  /** Text to send with speech or images that have none, such as `Transcribe this.` */
  prompt?: string;
  /**
   * Form of audio: OpenAI's `input_audio`, or vLLM's `audio_url` with the unchanged file.
   *
   * @default {"input_audio"}
   */
  audioAs?: "input_audio" | "audio_url";
  /**
   * Form of images: their `data`, or the `url` of those that have one, for the server to fetch.
   *
   * @default {"data"}
   */
  imagesAs?: "data" | "url";
}

/** Schema of {@linkcode ChatOptions}. */
export const chatOptions = z.strictObject({
  ...generationShape,
  path: endpointPath("/v1/chat/completions"),
  maxTokensField: z.enum(["max_completion_tokens", "max_tokens"])
    .default("max_completion_tokens").describe(
      "Field for the maximum number of output tokens",
    ),
  history: z.enum(["answers", "scripted", "none"]).default("answers")
    .describe(
      "Answers that later turns are sent with: the server's, the data's, or none",
    ),
  historyReasoning: z.boolean().default(false).describe(
    "Includes the reasoning of each answer in the history",
  ),
  prompt: z.string().optional().describe(
    "Text to send with speech or images that have none",
  ),
  audioAs: z.enum(["input_audio", "audio_url"]).default("input_audio")
    .describe("Form of audio: OpenAI's input_audio or vLLM's audio_url"),
  imagesAs: z.enum(["data", "url"]).default("data").describe(
    "Form of images: their data, or the URL of those that have one",
  ),
}).superRefine((settings, context) => {
  if (settings.historyReasoning && settings.history !== "answers") {
    refuse(
      context,
      "historyReasoning",
      "must be false unless history is answers",
    );
  }
  refineOpenAi(settings, context, ["messages"]);
});

/** Validated {@linkcode ChatOptions} with their defaults. */
export type ChatSettings = z.output<typeof chatOptions>;

/**
 * Sends chats to `/v1/chat/completions` and reads the answers, streamed or whole.
 *
 * @example Usage
 * ```ts
 * import { chat } from "@earshot/earshot";
 *
 * const backend = chat({ target: "http://127.0.0.1:8000", maxOutputTokens: 128 });
 * // backend.name is "chat"
 * ```
 */
export const chat: BackendPlugin<ChatOptions> = defineBackend({
  name: "chat",
  summary: "Sends text, speech and images to /v1/chat/completions",
  primary: "target",
  options: chatOptions,
  open: (settings, context) => openBackend(settings, context, chatProtocol),
});

/** Creates the protocol of chats. */
export function chatProtocol(
  settings: ChatSettings,
  model: string,
): Protocol<PreparedTurn> {
  const { history } = settings;
  const choices = choicesProtocol(settings, "message");
  const requests = conversationRequests(chatFormat(settings, model));
  return {
    ...choices,
    ...requests,
    facts: { ...choices.facts, history },
    sent(request) {
      const isText = turnsBehind(request, history)
        .every(({ turn }) => isTextOnly(turn.columns));
      return isText ? sentText(requests.request(request).body) : undefined;
    },
  };
}

function chatFormat(settings: ChatSettings, model: string): ConversationFormat {
  const { history, historyReasoning, prompt, audioAs, imagesAs } = settings;
  const media = new Media();
  return {
    history,
    callHistories: ["answers"],
    list: "messages",
    prompt,
    fields: (turn) =>
      generationFields(settings, {
        model,
        maxTokensField: settings.maxTokensField,
        turn,
        own: { tools: turn.columns.tools },
      }),
    async part(part) {
      switch (part.kind) {
        case "text":
          return { type: "text", text: part.text };
        case "image": {
          const url = await media.imageUrl(part.image, imagesAs);
          return { type: "image_url", image_url: { url } };
        }
        case "audio":
          return {
            type: audioAs,
            [audioAs]: audioAs === "input_audio"
              ? await media.inputAudio(part.audio)
              : { url: await media.dataUrl("audio", part.audio) },
          };
      }
    },
    message({ role, content, toolCalls = [], toolCallId, ...answer }) {
      const reasoning = (historyReasoning && answer.reasoning) || undefined;
      return [{
        role,
        content,
        // Servers know only one of these names.
        reasoning,
        reasoning_content: reasoning,
        tool_calls: toolCalls.length > 0
          ? toolCalls.map(encodeCall)
          : undefined,
        tool_call_id: toolCallId,
      }];
    },
    system: (content) => JSON.stringify({ role: "system", content }),
  };
}

function encodeCall({ id, name, arguments: given }: ToolCall): JsonObject {
  return { id, type: "function", function: { name, arguments: given } };
}

/** Returns the text in a body and the fields that the server's chat template turns into a prompt. */
function sentText(body: Uint8Array): SentText {
  const { messages, tools, chat_template, chat_template_kwargs } = JSON.parse(
    new TextDecoder().decode(body),
  );
  const texts = objectsIn(messages).map(({ content }) => joinText(content));
  const fields = { messages, tools, chat_template, chat_template_kwargs };
  return { text: texts.join("\n"), tokenize: withoutEmpty(fields) };
}
