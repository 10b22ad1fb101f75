import { z } from "zod";
import { type BackendPlugin, defineBackend } from "../../../plugins/mod.ts";
import { path } from "../../connect/options.ts";
import { openBackend } from "../backend.ts";
import {
  refineSpeechToText,
  type SpeechToTextOptions,
  speechToTextShape,
} from "./options.ts";
import { speechToText } from "./upload.ts";

/** Options of {@linkcode transcriptions}. */
export interface TranscriptionsOptions extends SpeechToTextOptions {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/audio/transcriptions"}
   */
  path?: string;
  /**
   * Format of the answer. `verbose_json`, `srt` and `vtt` cannot be streamed.
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
  /** Timestamps in the answer, from servers that support them: with `verbose_json`. */
  timestampGranularities?: readonly ("word" | "segment")[];
}

/** Options of {@linkcode translations}. */
export interface TranslationsOptions extends SpeechToTextOptions {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/audio/translations"}
   */
  path?: string;
  /**
   * Format of the answer. `verbose_json`, `srt` and `vtt` cannot be streamed.
   *
   * @default {"json"}
   */
  responseFormat?: "json" | "verbose_json" | "text" | "srt" | "vtt";
}

const FORMATS = ["json", "verbose_json", "text", "srt", "vtt"] as const;

const transcriptionsOptions = z.strictObject({
  ...speechToTextShape,
  path: path().default("/v1/audio/transcriptions").describe(
    "Path of the endpoint on the server",
  ),
  responseFormat: z.enum([...FORMATS, "diarized_json"]).default("json")
    .describe("Format of the answer"),
  timestampGranularities: z.array(z.enum(["word", "segment"])).readonly()
    .optional().describe("Timestamps in the answer"),
}).superRefine(refineSpeechToText);

const translationsOptions = z.strictObject({
  ...speechToTextShape,
  path: path().default("/v1/audio/translations").describe(
    "Path of the endpoint on the server",
  ),
  responseFormat: z.enum(FORMATS).default("json")
    .describe("Format of the answer"),
}).superRefine(refineSpeechToText);

/**
 * Uploads speech to `/v1/audio/transcriptions` and reads the transcripts, streamed or whole.
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
        (settings, model) =>
          speechToText(settings, model, {
            timestamp_granularities: settings.timestampGranularities,
          }),
      ),
  });

/**
 * Uploads speech to `/v1/audio/translations` and reads the translations: English, unless the server supports others.
 *
 * @example Usage
 * ```ts
 * import { translations } from "@earshot/earshot";
 *
 * const backend = translations({ target: "http://127.0.0.1:8000", body: { to_language: "de" } });
 * // backend.name is "translations"
 * ```
 */
export const translations: BackendPlugin<TranslationsOptions> = defineBackend({
  name: "translations",
  summary: "Uploads speech to /v1/audio/translations",
  primary: "target",
  options: translationsOptions,
  open: (settings, context) => openBackend(settings, context, speechToText),
});
