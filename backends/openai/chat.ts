import { z } from "zod";
import { endpointPath, refineTarget, refuse } from "../connect/options.ts";
import { openBackend, type Protocol } from "./backend.ts";
import { choicesReader } from "./choices_reader.ts";
import {
  checkHistory,
  conversationJson,
  encodeContent,
  isTextOnly,
  joinBody,
  latestSystem,
  ownMessages,
  type PreparedTurn,
  turnsBehind,
} from "./conversation.ts";
import {
  fieldOf,
  type JsonObject,
  objectsIn,
  textOf,
  tryJson,
} from "../../lib/json.ts";
import { jsonItems } from "./json.ts";
import { type Media, openMedia } from "./media.ts";
import {
  answerCount,
  exactTokens,
  generationFields,
  type GenerationOptions,
  generationShape,
  isStreamed,
  refineGeneration,
  refuseDataFields,
  tokenLimit,
  withoutEmpty,
} from "./options.ts";
import { partsOfMessage } from "./output_parts.ts";
import type { SentText } from "./token_counts.ts";
import {
  type Audio,
  type BackendPlugin,
  type Columns,
  defineBackend,
  type Image,
  type InferenceRequest,
  type Message,
  type MessagePart,
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
  refuseDataFields(settings, ["messages"], context);
  refineGeneration(settings, context);
  refineTarget(settings, context);
});

/** Validated {@linkcode ChatOptions} with their defaults. */
export type ChatSettings = z.output<typeof chatOptions>;

type ChatRequest = InferenceRequest<PreparedTurn>;

/** Builds chat requests. Text and media are encoded ahead of time, once for all turns that send them again. */
export function chatRequests(
  settings: ChatSettings,
  model: string,
): Pick<Protocol<PreparedTurn>, "prepare" | "request" | "sent"> {
  const { maxTokensField, history, historyReasoning } = settings;
  const wire = { ...settings, media: openMedia() };
  const format = {
    history,
    toolResult: toolMessage,
    answer: (
      text: string,
      calls: readonly ToolCall[],
      { reasoning }: { readonly reasoning?: string },
    ) => [
      assistantMessage(text, calls, historyReasoning ? reasoning : undefined),
    ],
  };

  function bodyOf(request: ChatRequest): Uint8Array {
    const { prepared, session } = request;
    const isAlone = history === "none" || session.history.length === 0;
    if (isAlone && prepared.own.length > 0) return prepared.body;
    return joinBody(prepared.head, [
      [latestSystem(request, history)],
      ...conversationJson(request, format),
    ]);
  }

  return {
    async prepare(turn, signal) {
      checkHistory(turn, settings, ["answers"]);
      const { system: prompt, tools } = turn.columns;
      const fields = generationFields(settings, {
        model,
        maxTokensField,
        turn,
        ...(tools && { own: { tools } }),
      });
      const columns = withPrompt(turn.columns, settings.prompt);
      const messages = await Promise.all(
        ownMessages(columns).map((message) => wireMessage(message, wire)),
      );
      signal.throwIfAborted();
      const head = JSON.stringify({ ...fields, messages: [] }).slice(0, -2);
      const system = prompt === undefined
        ? ""
        : JSON.stringify({ role: "system", content: prompt });
      const own = jsonItems(messages);
      return { body: joinBody(head, [[system], own]), head, system, own };
    },
    request: (request) => ({
      contentType: "application/json",
      body: bodyOf(request),
    }),
    sent(request) {
      const isText = turnsBehind(request, history)
        .every(({ turn }) => isTextOnly(turn.columns));
      return isText ? sentText(bodyOf(request)) : undefined;
    },
  };
}

/** Options and encoder for the media in messages. */
interface WireOptions extends Pick<ChatSettings, "audioAs" | "imagesAs"> {
  readonly media: Media;
}

/** Returns a turn's columns with the prompt of the options if it has media without a text. */
function withPrompt(columns: Columns, prompt: string | undefined): Columns {
  const { text, audio, images = [] } = columns;
  const isBare = text === undefined && (audio || images.length > 0);
  return isBare && prompt !== undefined
    ? { ...columns, text: prompt }
    : columns;
}

/** @throws {Error} If a file cannot be read. */
async function wireMessage(
  { role, content, toolCalls = [], toolCallId }: Message,
  options: WireOptions,
): Promise<JsonObject> {
  return {
    role,
    content: await encodeContent(content, (part) => wirePart(part, options)),
    ...wireCalls(toolCalls),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

async function wirePart(
  part: MessagePart,
  options: WireOptions,
): Promise<JsonObject> {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "audio":
      return await audioPart(part.audio, options);
    case "image":
      return {
        type: "image_url",
        image_url: { url: await imageUrl(part.image, options) },
      };
  }
}

async function audioPart(
  audio: Audio,
  { audioAs, media }: WireOptions,
): Promise<JsonObject> {
  return audioAs === "input_audio"
    ? { type: audioAs, input_audio: await media.inputAudio(audio) }
    : {
      type: audioAs,
      audio_url: { url: await media.dataUrl("audio", audio) },
    };
}

async function imageUrl(
  image: Image,
  { imagesAs, media }: WireOptions,
): Promise<string | Uint8Array> {
  if (imagesAs === "url" && image.url !== undefined) return image.url;
  return await media.dataUrl("image", image);
}

function toolMessage(id: string, content: string): JsonObject {
  return { role: "tool", tool_call_id: id, content };
}

/** Returns an answer as a message. Reasoning is sent under two names, as servers know only one of them. */
function assistantMessage(
  text: string,
  calls: readonly ToolCall[],
  reasoning: string | undefined,
): JsonObject {
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(reasoning && { reasoning, reasoning_content: reasoning }),
    ...wireCalls(calls),
  };
}

function wireCalls(calls: readonly ToolCall[]): JsonObject {
  if (calls.length === 0) return {};
  const tool_calls = calls.map(({ id, name, arguments: given }) => ({
    ...(id !== undefined && { id }),
    type: "function",
    function: { name, arguments: given },
  }));
  return { tool_calls };
}

/** Returns the text in a body and the fields that the server's chat template turns into a prompt. */
function sentText(body: Uint8Array): SentText | undefined {
  const sent = tryJson(new TextDecoder().decode(body));
  const field = (name: string) => fieldOf(sent, name);
  const texts = objectsIn(field("messages")).flatMap(({ content }) =>
    textOf(content) ?? objectsIn(content).map(({ text }) => textOf(text) ?? "")
  );
  const names = ["messages", "tools", "chat_template", "chat_template_kwargs"];
  return {
    text: texts.join("\n"),
    tokenize: withoutEmpty(
      Object.fromEntries(names.map((name) => [name, field(name)])),
    ),
  };
}

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

function chatProtocol(
  settings: ChatSettings,
  model: string,
): Protocol<PreparedTurn> {
  const { streamUsage, history } = settings;
  const stream = isStreamed(settings);
  const answers = answerCount(settings);
  return {
    needs: [["text", "messages", "audio", "images", "toolResult"]],
    facts: { stream, ...(stream && { streamUsage }), history },
    streams: stream,
    ...chatRequests(settings, model),
    exactTokens: (turn) => exactTokens(settings, turn),
    reader: (call, { turn }) =>
      choicesReader({
        call,
        answers,
        tokenLimit: tokenLimit(settings, turn),
        required: "message",
        partsOf: ({ delta, message }) => partsOfMessage(delta ?? message),
      }),
  };
}
