import type {
  Audio,
  Columns,
  Image,
  InferenceRequest,
  Message,
  MessagePart,
  ToolCall,
} from "../../../plugins/mod.ts";
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
} from "../conversation.ts";
import {
  fieldOf,
  jsonItems,
  type JsonObject,
  objectsIn,
  textOf,
  tryJson,
} from "../json.ts";
import { type Media, openMedia } from "../media.ts";
import { generationFields, withoutEmpty } from "../options.ts";
import type { Protocol, SentText } from "../protocol.ts";
import type { ChatSettings } from "./options.ts";

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
