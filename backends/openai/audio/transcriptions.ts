import { z } from "zod";
import { encodeWav } from "../../../audio/mod.ts";
import {
  endpointPath,
  number,
  offLimit,
  refuse,
  text,
} from "../../connect/options.ts";
import { type Form, type FormField, multipart } from "./multipart.ts";
import {
  RESPONSE_FORMATS,
  type ResponseFormat,
  transcriptReader,
} from "./reader.ts";
import { openBackend, type Protocol } from "../backend.ts";
import { withoutEmpty } from "../json.ts";
import type { JsonObject } from "../../../lib/json.ts";
import {
  type GenerationOptions,
  generationShape,
  refineOpenAi,
} from "../options.ts";
import { ByteCache } from "../../../lib/bytes.ts";
import {
  type Audio,
  type BackendPlugin,
  defineBackend,
  type MediaFile,
} from "../../../plugins/mod.ts";

/** Options of the backends that upload speech and receive text. */
export interface SpeechToTextOptions
  extends Omit<GenerationOptions, "ignoreEos"> {
  /**
   * Upload: the file `as-is`, or the audio as a `wav` file of mono PCM16.
   *
   * @default {"as-is"}
   */
  audioFormat?: "as-is" | "wav";
  /**
   * Sample rate of the `wav` file, in Hz.
   *
   * @default {16000}
   */
  sampleRateHz?: number;
  /** Spoken language, such as `en`. The server detects it unless set, which takes some servers longer. */
  language?: string;
  /** Text that guides the model: the spelling of names, or what was said before. */
  prompt?: string;
  /** Sampling temperature, 0 to 2. The server's default unless set. */
  temperature?: number;
}

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
    | NonNullable<TranslationsOptions["responseFormat"]>
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

const { ignoreEos: _, ...generation } = generationShape;

const transcriptionsOptions = z.strictObject({
  ...generation,
  // Hours of audio are one request.
  requestTimeoutMs: offLimit().default(3_600_000).describe(
    'Timeout of the whole request, or "off"',
  ),
  body: generation.body.describe(
    "Further fields of the form; null removes a field",
  ),
  audioFormat: z.enum(["as-is", "wav"]).default("as-is").describe(
    "Upload: the unchanged file, or mono PCM16 in WAV",
  ),
  sampleRateHz: z.int().min(1000).max(384_000).optional().describe(
    "Sample rate of the WAV file in Hz; 16000 unless set",
  ),
  language: text("must not be empty", (value) => value !== "").optional()
    .describe("Spoken language, such as en; detected by the server unless set"),
  prompt: z.string().optional().describe("Text that guides the model"),
  temperature: number("must be 0 to 2", 0, 2).optional().describe(
    "Sampling temperature, 0 to 2",
  ),
  path: endpointPath("/v1/audio/transcriptions"),
  responseFormat: z.enum(RESPONSE_FORMATS).default("json")
    .describe("Format of the answer"),
  timestampGranularities: z.array(z.enum(["word", "segment"])).readonly()
    .optional().describe("Timestamps in the answer"),
});

const translationsOptions = transcriptionsOptions
  .omit({ timestampGranularities: true })
  .extend({
    path: endpointPath("/v1/audio/translations"),
    responseFormat: z.enum(RESPONSE_FORMATS).exclude(["diarized_json"])
      .default("json").describe("Format of the answer"),
  });

/** Validated options of transcriptions, or of translations, which have fewer. */
type SpeechToTextSettings = z.output<typeof transcriptionsOptions>;

/** Formats that servers can stream. */
const STREAMED: readonly ResponseFormat[] = ["json", "text", "diarized_json"];

/** Fields that `body` must not set, as the backend depends on them, and the source of each. */
const OWN_FIELDS: Readonly<Record<string, string>> = {
  file: "which the data provides",
  stream: "which the option stream sets",
  response_format: "which the option responseFormat sets",
};

/** Checks that the options agree: for `superRefine`. */
function refineSpeechToText(
  settings: SpeechToTextSettings,
  context: z.RefinementCtx,
): void {
  const { stream, responseFormat, audioFormat, sampleRateHz, body } = settings;
  if (stream && !STREAMED.includes(responseFormat)) {
    refuse(
      context,
      "responseFormat",
      "must be json, text or diarized_json if stream is true (stream=false allows all)",
    );
  }
  if (audioFormat !== "wav" && sampleRateHz !== undefined) {
    refuse(
      context,
      "sampleRateHz",
      "must not be set unless audioFormat is wav",
    );
  }
  for (const [field, source] of Object.entries(OWN_FIELDS)) {
    // Some servers do not support response_format: null removes it.
    const isRemoved = field === "response_format" && body[field] === null;
    if (body[field] === undefined || isRemoved) continue;
    refuse(context, "body", `must not set ${field}, ${source}`);
  }
  refineOpenAi(settings, context);
}

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
    options: transcriptionsOptions.superRefine(refineSpeechToText),
    open: (settings, context) => openBackend(settings, context, speechToText),
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
  options: translationsOptions.superRefine(refineSpeechToText),
  open: (settings, context) => openBackend(settings, context, speechToText),
});

/** Capacity of the cache of forms, apart from those being sent: about 100 clips of 10 s in WAV. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** Uploads speech and reads text. Transcriptions and translations differ only in their path and options. */
function speechToText(
  settings: SpeechToTextSettings,
  model: string,
): Protocol<Form> {
  const { stream, streamUsage, responseFormat, audioFormat, language } =
    settings;
  const cache = new ByteCache<Form>(CACHE_BYTES, ({ body }) => body.length);
  const fields = {
    model,
    language,
    prompt: settings.prompt,
    temperature: settings.temperature,
    response_format: responseFormat,
    timestamp_granularities: settings.timestampGranularities,
    // vLLM has the stream options as fields of their own.
    stream: stream || undefined,
    stream_include_usage: (stream && streamUsage !== "off") || undefined,
    stream_continuous_usage_stats: streamUsage === "continuous" || undefined,
  };
  return {
    needs: ["audio"],
    facts: withoutEmpty({ stream, responseFormat, audioFormat, language }),
    async prepare({ columns: { audio }, maxOutputTokens }) {
      if (!audio) throw new Error("the turn has no audio to upload");
      const max_completion_tokens = maxOutputTokens ?? settings.maxOutputTokens;
      const key = JSON.stringify([audio.id, max_completion_tokens]);
      return await cache.get(key, async () => {
        const value = await fileOf(audio, settings);
        const all = { ...fields, max_completion_tokens, ...settings.body };
        return multipart([...formFields(all), { name: "file", value }]);
      });
    },
    request: ({ prepared }) => prepared,
    reader: (call) => transcriptReader(call, responseFormat),
  };
}

/** Converts fields to form fields: a list becomes repeated `name[]`, objects become JSON, null is left out. */
export function formFields(fields: JsonObject): FormField[] {
  const byName = new Map(Object.entries(fields).map(withoutBrackets));
  return [...byName].flatMap(([name, value]) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return [{ name, value: fieldText(value) }];
    return value.map((item) => ({ name: `${name}[]`, value: fieldText(item) }));
  });
}

/** Treats `name[]` as the list `name`. */
function withoutBrackets([key, value]: [string, unknown]): [string, unknown] {
  if (!key.endsWith("[]")) return [key, value];
  const isList = Array.isArray(value) || value === null || value === undefined;
  return [key.slice(0, -2), isList ? value : [value]];
}

function fieldText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Returns the unchanged file or a WAV file. OpenAI accepts Ogg only under the extensions `.ogg` and `.oga`. */
async function fileOf(
  audio: Audio,
  { audioFormat, sampleRateHz = 16_000 }: SpeechToTextSettings,
): Promise<MediaFile> {
  if (audioFormat === "wav") {
    const bytes = encodeWav(await audio.pcm16(sampleRateHz), sampleRateHz);
    return { bytes, mediaType: "audio/wav", name: "audio.wav" };
  }
  const file = await audio.file();
  return { ...file, name: file.name.replace(/\.opus$/i, ".ogg") };
}
