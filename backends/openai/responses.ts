import { z } from "zod";
import { endpointPath, refineTarget, refuse } from "../connect/options.ts";
import { openBackend, type Protocol } from "./backend.ts";
import {
  answerText,
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
import type { JsonObject } from "../../lib/json.ts";
import { jsonItems } from "./json.ts";
import { type Media, openMedia } from "./media.ts";
import {
  exactTokens,
  generationFields,
  type GenerationOptions,
  generationShape,
  isStreamed,
  refuseDataFields,
} from "./options.ts";
import type { SentText } from "./token_counts.ts";
import { responseReader } from "./responses_reader.ts";
import {
  type BackendPlugin,
  type Columns,
  defineBackend,
  type InferenceRequest,
  type Message,
  type MessagePart,
  RequestError,
  type ToolCall,
} from "../../plugins/mod.ts";

/** Options of {@linkcode responses}. */
export interface ResponsesOptions
  extends Omit<GenerationOptions, "streamUsage"> {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/responses"}
   */
  path?: string;
  /**
   * Answers that later turns of a session are sent with: the server's `answers`, the `scripted` ones of the data, or
   * `none`, which sends each turn alone. With `server` the server stores them and turns refer to
   * `previous_response_id`.
   *
   * @default {"answers"}
   */
  history?: "answers" | "scripted" | "server" | "none";
  /**
   * Form of images: their `data`, or the `url` of those that have one, for the server to fetch.
   *
   * @default {"data"}
   */
  imagesAs?: "data" | "url";
}

const { streamUsage: _, ...shape } = generationShape;

/** Schema of {@linkcode ResponsesOptions}. */
export const responsesOptions = z.strictObject({
  ...shape,
  path: endpointPath("/v1/responses"),
  history: z.enum(["answers", "scripted", "server", "none"]).default("answers")
    .describe(
      "Answers that later turns are sent with: the server's, the data's, an id, or none",
    ),
  imagesAs: z.enum(["data", "url"]).default("data").describe(
    "Form of images: their data, or the URL of those that have one",
  ),
}).superRefine((settings, context) => {
  refuseDataFields(settings, ["input", "previous_response_id"], context);
  if (settings.history === "server" && settings.body.store === false) {
    refuse(
      context,
      "history",
      "must not be server if body.store is false, as the server stores no answers then",
    );
  }
  refineTarget(settings, context);
});

/** Validated {@linkcode ResponsesOptions} with their defaults. */
export type ResponsesSettings = z.output<typeof responsesOptions>;

type ResponsesRequest = InferenceRequest<PreparedTurn>;

/** Builds responses requests. Text and media are encoded ahead of time, once for all turns that send them again. */
export function responsesRequests(
  settings: ResponsesSettings,
  model: string,
): Pick<Protocol<PreparedTurn>, "prepare" | "request" | "sent"> {
  const { history, imagesAs, body } = settings;
  const wire = { imagesAs, media: openMedia() };
  const format = { history, toolResult: resultItem, answer: answerItems };
  const hasInstructions = Object.hasOwn(body, "instructions");

  function bodyOf(request: ResponsesRequest): Uint8Array {
    const { prepared, session } = request;
    const isAlone = history === "none" || session.history.length === 0;
    if (isAlone && prepared.own.length > 0) return prepared.body;
    const tail = latestSystem(request, history) +
      jsonField("previous_response_id", previousId(request, history));
    return joinBody(prepared.head, conversationJson(request, format), tail);
  }

  return {
    async prepare(turn, signal) {
      checkHistory(turn, settings, ["answers", "server"]);
      const { columns } = turn;
      const { tools } = columns;
      const fields = generationFields({ ...settings, streamUsage: "off" }, {
        model,
        maxTokensField: "max_output_tokens",
        turn,
        own: {
          store: history === "server",
          ...(tools && { tools: tools.map(flatTool) }),
        },
      });
      const items = await Promise.all(
        ownMessages(columns).map((message) => messageItems(message, wire)),
      );
      const own = jsonItems(items.flat());
      signal.throwIfAborted();
      const head = JSON.stringify({ ...fields, input: [] }).slice(0, -2);
      const system = hasInstructions
        ? ""
        : jsonField("instructions", columns.system);
      return { body: joinBody(head, [own], system), head, system, own };
    },
    request: (request) => ({
      contentType: "application/json",
      body: bodyOf(request),
    }),
    sent: (request) => sentText(request, history),
  };
}

/** Returns a further field of a JSON object, or nothing without a value. */
function jsonField(name: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

/**
 * Returns the id of the answer that the server continues from; `undefined` in the first turn and if it stores none.
 *
 * @throws {RequestError} `history_error` if that answer has no id.
 */
function previousId(
  { session }: ResponsesRequest,
  history: ResponsesSettings["history"],
): string | undefined {
  const last = session.history.at(-1);
  if (history !== "server" || !last) return undefined;
  const { responseId } = last.output;
  if (responseId !== undefined) return responseId;
  throw new RequestError(
    "history_error",
    "history=server needs the id of the answer before, but the server sent none",
  );
}

/** Encoder and options for the media in items. */
interface WireOptions extends Pick<ResponsesSettings, "imagesAs"> {
  readonly media: Media;
}

/** @throws {Error} If a file cannot be read. */
async function messageItems(
  { role, content, toolCalls = [], toolCallId = "" }: Message,
  options: WireOptions,
): Promise<readonly JsonObject[]> {
  if (role === "tool") return [resultItem(toolCallId, joinText(content))];
  if (role === "assistant") return answerItems(joinText(content), toolCalls);
  const parts = await encodeContent(
    content,
    (part) => inputPart(part, options),
  );
  return [{ type: "message", role, content: parts }];
}

async function inputPart(
  part: MessagePart,
  { media, imagesAs }: WireOptions,
): Promise<JsonObject> {
  switch (part.kind) {
    case "text":
      return { type: "input_text", text: part.text };
    case "audio":
      return {
        type: "input_audio",
        input_audio: await media.inputAudio(part.audio),
      };
    case "image": {
      const { image } = part;
      const url = imagesAs === "url" ? image.url : undefined;
      return {
        type: "input_image",
        image_url: url ?? await media.dataUrl("image", image),
      };
    }
  }
}

function resultItem(callId: string, output: string): JsonObject {
  return { type: "function_call_output", call_id: callId, output };
}

/** Returns an answer as items: its text, then its calls. */
function answerItems(
  text: string,
  calls: readonly ToolCall[],
): readonly JsonObject[] {
  const content = [{ type: "output_text", text }];
  return [
    ...(text === "" ? [] : [{ type: "message", role: "assistant", content }]),
    ...calls.map(({ id = "", name, arguments: given }) => ({
      type: "function_call",
      call_id: id,
      name,
      arguments: given,
    })),
  ];
}

/** Tools are flat in this API; those of the chat API, whose function is a field, are flattened. */
function flatTool(tool: unknown): unknown {
  const { function: inner, ...rest } = (tool ?? {}) as JsonObject;
  return typeof inner === "object" ? { ...rest, ...inner } : tool;
}

/** Returns the text that the server reads for a request, whether it is resent or stored. Media and tools cannot be counted. */
function sentText(
  request: ResponsesRequest,
  history: ResponsesSettings["history"],
): SentText | undefined {
  const turns = turnsBehind(request, history);
  if (!turns.every(({ turn }) => isCountable(turn.columns))) return undefined;
  const system = turns.map(({ turn }) => turn.columns.system)
    .findLast((prompt) => prompt !== undefined);
  const messages = [
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    ...turns.flatMap(({ turn, output }) => [
      ...textMessages(turn.columns),
      ...(output
        ? [{
          role: "assistant",
          content: answerText({ turn, output }, history),
        }]
        : []),
    ]),
  ];
  return {
    text: messages.map(({ content }) => content).join("\n"),
    tokenize: { messages },
  };
}

function isCountable(columns: Columns): boolean {
  const { messages = [], tools, toolResult } = columns;
  return isTextOnly(columns) && !tools && toolResult === undefined &&
    messages.every(({ role, toolCalls }) =>
      role !== "tool" && !toolCalls?.length
    );
}

function textMessages({ messages = [], text }: Columns) {
  const chat = messages.map(({ role, content }) => ({
    role: role as string,
    content: joinText(content),
  }));
  return text === undefined ? chat : [...chat, { role: "user", content: text }];
}

function joinText(content: Message["content"]): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.kind === "text" ? part.text : "").join("");
}

/** Sends turns to `/v1/responses` and reads the answers, streamed or whole. */
export const responses: BackendPlugin<ResponsesOptions> = defineBackend({
  name: "responses",
  summary: "Sends text, speech and images to /v1/responses",
  primary: "target",
  options: responsesOptions,
  open: (settings, context) =>
    openBackend(settings, context, responsesProtocol),
});

function responsesProtocol(
  settings: ResponsesSettings,
  model: string,
): Protocol<PreparedTurn> {
  const stream = isStreamed(settings);
  return {
    needs: [["text", "messages", "audio", "images", "toolResult"]],
    facts: { stream, history: settings.history },
    streams: stream,
    ...responsesRequests(settings, model),
    exactTokens: (turn) => exactTokens(settings, turn),
    reader: (call) => responseReader(call),
  };
}
