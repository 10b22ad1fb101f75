import { z } from "zod";
import {
  number,
  offLimit,
  refineTarget,
  refuse,
  text,
} from "../../connect/options.ts";
import {
  type GenerationOptions,
  generationShape,
  refineGeneration,
} from "../options.ts";

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

const { ignoreEos: _, ...generation } = generationShape;

/** Schema of {@linkcode SpeechToTextOptions}, for use in a backend's own schema. */
export const speechToTextShape = {
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
};

/** Formats of a whole answer. */
export type ResponseFormat =
  | "json"
  | "verbose_json"
  | "text"
  | "srt"
  | "vtt"
  | "diarized_json";

/** Formats that servers can stream. */
const STREAMED: readonly ResponseFormat[] = ["json", "text", "diarized_json"];

/** Validated {@linkcode SpeechToTextOptions} with their defaults. */
export type SpeechToTextSettings =
  & z.output<z.ZodObject<typeof speechToTextShape>>
  & { readonly responseFormat: ResponseFormat };

/** Fields that `body` must not set, as the backend depends on them, and the source of each. */
const OWN_FIELDS: Readonly<Record<string, string>> = {
  file: "which the data provides",
  stream: "which the option stream sets",
  response_format: "which the option responseFormat sets",
};

/** Checks that the options agree: for `superRefine`. */
export function refineSpeechToText(
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
  refineGeneration(settings, context);
  refineTarget(settings, context);
}
