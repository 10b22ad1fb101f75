import { z } from "zod";
import { type BackendPlugin, defineBackend } from "../../../plugins/mod.ts";
import { path } from "../../connect/options.ts";
import { openBackend } from "../backend.ts";
import {
  refineSpeechToText,
  type SpeechToTextOptions,
  speechToTextShape,
} from "./options.ts";
import { speechToText } from "./protocol.ts";

/** Options of {@linkcode transcriptions}. */
export interface TranscriptionsOptions extends SpeechToTextOptions {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/audio/transcriptions"}
   */
  path?: string;
  /**
   * The form of the answer. `verbose_json`, `srt` and `vtt` cannot be streamed.
   *
   * @default {"json"}
   */
  responseFormat?:
    | "json"
    | "verbose_json"
    | "text"
    | "srt"
    | "vtt"
    | "diarized_json";
  /** Which times the answer is to hold, for servers that tell some: with `verbose_json`. */
  timestampGranularities?: readonly ("word" | "segment")[];
}

const transcriptionsOptions = z.strictObject({
  ...speechToTextShape,
  path: path().default("/v1/audio/transcriptions").describe(
    "Where the endpoint is on the server",
  ),
  responseFormat: z.enum([
    "json",
    "verbose_json",
    "text",
    "srt",
    "vtt",
    "diarized_json",
  ]).default("json").describe("The form of the answer"),
  timestampGranularities: z.array(z.enum(["word", "segment"])).readonly()
    .optional().describe("Which times the answer is to hold"),
}).superRefine(refineSpeechToText);

/**
 * Uploads speech to `/v1/audio/transcriptions` and reads the transcript as it comes.
 *
 * @example Usage
 * ```ts
 * import { transcriptions } from "@earshot/earshot";
 *
 * const backend = transcriptions({ target: "http://127.0.0.1:8000", language: "en" });
 * // backend.name is "transcriptions"
 * ```
 */
export const transcriptions: BackendPlugin<TranscriptionsOptions> =
  defineBackend({
    name: "transcriptions",
    summary: "Uploads speech to /v1/audio/transcriptions",
    primary: "target",
    options: transcriptionsOptions,
    open: (settings, context) =>
      openBackend(
        settings,
        context,
        (settings, model, context) =>
          speechToText(settings, model, {
            ...context,
            fields: {
              timestamp_granularities: settings.timestampGranularities,
            },
          }),
      ),
  });
