import { z } from "zod";
import { endpointPath, refuse } from "../connect/options.ts";
import { openBackend, type Protocol } from "./backend.ts";
import {
  answerText,
  type ConversationFormat,
  conversationRequests,
  type EncodedMessage,
  isTextOnly,
  ownMessages,
  type PreparedTurn,
  turnsBehind,
} from "./conversation.ts";
import type { JsonObject } from "../../lib/json.ts";
import { joinText } from "./json.ts";
import { Media } from "./media.ts";
import {
  generationFields,
  type GenerationOptions,
  generationShape,
  isStreamed,
  refineOpenAi,
} from "./options.ts";
import type { SentText } from "./token_counts.ts";
import { responseReader } from "./responses_reader.ts";
import {
  type BackendPlugin,
  type Columns,
  defineBackend,
  type InferenceRequest,
  RequestError,
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
   * Earlier answers sent with each later turn: `answers`, those the server gave; `scripted`, those in the data; `none`,
   * which sends each turn alone; `server`, which sends only `previous_response_id`, as the server stores them.
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
  if (settings.history === "server" && settings.body.store === false) {
    refuse(
      context,
      "history",
      "must not be server if body.store is false, as the server stores no answers then",
    );
  }
  refineOpenAi(settings, context, ["input", "previous_response_id"]);
});

/** Validated {@linkcode ResponsesOptions} with their defaults. */
export type ResponsesSettings = z.output<typeof responsesOptions>;

/** Sends turns to `/v1/responses` and reads the answers, streamed or whole. */
export const responses: BackendPlugin<ResponsesOptions> = defineBackend({
  name: "responses",
  summary: "Sends text, speech and images to /v1/responses",
  primary: "target",
  options: responsesOptions,
  open: (settings, context) =>
    openBackend(settings, context, responsesProtocol),
});

/** Creates the protocol of responses. */
export function responsesProtocol(
  settings: ResponsesSettings,
  model: string,
): Protocol<PreparedTurn> {
  const { history } = settings;
  return {
    ...conversationRequests(responsesFormat(settings, model)),
    facts: { stream: isStreamed(settings), history },
    reader: (call) => responseReader(call),
    sent: (request) => sentText(request, history),
  };
}

function responsesFormat(
  settings: ResponsesSettings,
  model: string,
): ConversationFormat {
  const { history, imagesAs, body } = settings;
  const media = new Media();
  const hasInstructions = Object.hasOwn(body, "instructions");
  return {
    history,
    callHistories: ["answers", "server"],
    list: "input",
    fields: (turn) =>
      generationFields(settings, {
        model,
        maxTokensField: "max_output_tokens",
        turn,
        own: {
          store: history === "server",
          tools: turn.columns.tools?.map(flatTool),
        },
      }),
    async part(part) {
      switch (part.kind) {
        case "text":
          return { type: "input_text", text: part.text };
        case "image": {
          const image_url = await media.imageUrl(part.image, imagesAs);
          return { type: "input_image", image_url };
        }
        case "audio": {
          const input_audio = await media.inputAudio(part.audio);
          return { type: "input_audio", input_audio };
        }
      }
    },
    message: encodeItems,
    system: (prompt) =>
      hasInstructions ? "" : jsonField("instructions", prompt),
    tail(system, earlier) {
      const last = history === "server" ? earlier.at(-1)?.output : undefined;
      if (last && last.responseId === undefined) {
        throw new RequestError(
          "history_error",
          "history=server needs the id of the answer before, but the server sent none",
        );
      }
      return system + jsonField("previous_response_id", last?.responseId);
    },
  };
}

/** Returns a further field of a JSON object, or nothing without a value. */
function jsonField(name: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

/** Encodes a message as items. An answer becomes its text, then its calls. */
function encodeItems(
  { role, content, toolCalls = [], toolCallId }: EncodedMessage,
): readonly JsonObject[] {
  const text = joinText(content);
  if (role === "tool") {
    const type = "function_call_output";
    return [{ type, call_id: toolCallId ?? "", output: text }];
  }
  if (role !== "assistant") return [{ type: "message", role, content }];
  const parts = [{ type: "output_text", text }];
  return [
    ...(text === "" ? [] : [{ type: "message", role, content: parts }]),
    ...toolCalls.map(({ id = "", name, arguments: given }) => ({
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
  request: InferenceRequest<PreparedTurn>,
  history: ResponsesSettings["history"],
): SentText | undefined {
  const turns = turnsBehind(request, history);
  if (!turns.every(({ turn }) => isCountable(turn.columns))) return undefined;
  const system = turns.map(({ turn }) => turn.columns.system)
    .findLast((prompt) => prompt !== undefined);
  const messages: { role: string; content: string }[] = [];
  if (system !== undefined) messages.push({ role: "system", content: system });
  for (const { turn, output } of turns) {
    for (const { role, content } of ownMessages(turn.columns)) {
      messages.push({ role, content: joinText(content) });
    }
    if (!output) continue;
    const content = answerText({ turn, output }, history);
    messages.push({ role: "assistant", content });
  }
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
