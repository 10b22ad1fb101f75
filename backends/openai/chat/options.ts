import { z } from "zod";
import { path, refineTarget, refuse } from "../../connect/options.ts";
import {
  type GenerationOptions,
  generationShape,
  refineGeneration,
  refuseDataFields,
} from "../options.ts";

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
  path: path().default("/v1/chat/completions").describe(
    "Path of the endpoint on the server",
  ),
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
