import { z } from "zod";
import { path, refuse } from "../../connect/options.ts";
import {
  type GenerationOptions,
  generationShape,
  refineGeneration,
  refineTarget,
} from "../options.ts";

/** Options of {@linkcode chat}. */
export interface ChatOptions extends GenerationOptions {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/chat/completions"}
   */
  path?: string;
  /**
   * How the server calls the most tokens that it may generate: older ones know only `max_tokens`.
   *
   * @default {"max_completion_tokens"}
   */
  maxTokensField?: "max_completion_tokens" | "max_tokens";
  /**
   * What later turns of a session are sent with: the `answers` that the server gave, the `scripted` ones of the data,
   * or `none`.
   *
   * @default {"answers"}
   */
  history?: "answers" | "scripted" | "none";
  /**
   * Whether the reasoning before an answer stands with it in the history.
   *
   * @default {false}
   */
  historyReasoning?: boolean;
  /** What is said with speech or pictures that come without a text: `Transcribe this.` Nothing, unless given. */
  prompt?: string;
  /**
   * How audio is sent: `input_audio` is OpenAI's, `audio_url` vLLM's, with the file as it is.
   *
   * @default {"input_audio"}
   */
  audioAs?: "input_audio" | "audio_url";
  /**
   * How pictures are sent: their `data`, or the `url` of those that have one, for the server to fetch.
   *
   * @default {"data"}
   */
  imagesAs?: "data" | "url";
}

/** The schema of {@linkcode ChatOptions}. */
export const chatOptions = z.strictObject({
  ...generationShape,
  path: path().default("/v1/chat/completions").describe(
    "Where the endpoint is on the server",
  ),
  maxTokensField: z.enum(["max_completion_tokens", "max_tokens"])
    .default("max_completion_tokens").describe(
      "How the server calls the most tokens that it may generate",
    ),
  history: z.enum(["answers", "scripted", "none"]).default("answers")
    .describe(
      "What later turns are sent with: the server's answers, the data's, or none",
    ),
  historyReasoning: z.boolean().default(false).describe(
    "Whether reasoning stands in the history too",
  ),
  prompt: z.string().optional().describe(
    "What is said with speech or pictures that come without a text",
  ),
  audioAs: z.enum(["input_audio", "audio_url"]).default("input_audio")
    .describe("How audio is sent: as OpenAI has it, or as vLLM alone has it"),
  imagesAs: z.enum(["data", "url"]).default("data").describe(
    "How pictures are sent: their data, or the URL of those that have one",
  ),
}).superRefine((settings, context) => {
  const { history, historyReasoning, body } = settings;
  if (historyReasoning && history !== "answers") {
    refuse(
      context,
      "historyReasoning",
      `Cannot be used as it needs history=answers: current value is ${history}`,
    );
  }
  if ("messages" in body) {
    refuse(context, "body", "Cannot set messages as these are the data's");
  }
  refineGeneration(settings, context);
  refineTarget(settings, context);
});

/** {@linkcode ChatOptions} with what was left out. */
export type ChatSettings = z.output<typeof chatOptions>;
