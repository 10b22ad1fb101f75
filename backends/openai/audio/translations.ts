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

/** Options of {@linkcode translations}. */
export interface TranslationsOptions extends SpeechToTextOptions {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/audio/translations"}
   */
  path?: string;
  /**
   * The form of the answer. `verbose_json`, `srt` and `vtt` cannot be streamed.
   *
   * @default {"json"}
   */
  responseFormat?: "json" | "verbose_json" | "text" | "srt" | "vtt";
}

const translationsOptions = z.strictObject({
  ...speechToTextShape,
  path: path().default("/v1/audio/translations").describe(
    "Where the endpoint is on the server",
  ),
  responseFormat: z.enum(["json", "verbose_json", "text", "srt", "vtt"])
    .default("json").describe("The form of the answer"),
}).superRefine(refineSpeechToText);

/**
 * Uploads speech to `/v1/audio/translations` and reads the translation, into English unless the server knows more.
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
