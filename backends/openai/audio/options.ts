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

/** Options of the backends that upload speech and get text. */
export interface SpeechToTextOptions
  extends Omit<GenerationOptions, "ignoreEos"> {
  /**
   * What is uploaded: the file `as-is`, or the audio as a `wav` file of mono PCM16.
   *
   * @default {"as-is"}
   */
  audioFormat?: "as-is" | "wav";
  /**
   * Rate of the `wav` file, in Hz.
   *
   * @default {16000}
   */
  sampleRateHz?: number;
  /** The language spoken, as `en`. The server finds out by itself, unless given: that takes some of them longer. */
  language?: string;
  /** Text that guides the model: how names are written, or what was said before. */
  prompt?: string;
  /** How much chance there is in the choice of words. As the server likes, unless given. */
  temperature?: number;
}

const { ignoreEos: _, ...generation } = generationShape;

/** The schema of {@linkcode SpeechToTextOptions}, to be spread into a backend's own. */
export const speechToTextShape = {
  ...generation,
  // Hours of audio are one request.
  requestTimeoutMs: offLimit().default(3_600_000).describe(
    'Timeout of the whole request, or "off"',
  ),
  body: generation.body.describe(
    "Further fields of the form; null takes one out",
  ),
  audioFormat: z.enum(["as-is", "wav"]).default("as-is").describe(
    "What is uploaded: the file as it is, or mono PCM16 in WAV",
  ),
  sampleRateHz: z.int().min(1000).max(384_000).optional().describe(
    "Rate of the WAV file in Hz; 16000, unless given",
  ),
  language: text("must not be empty", (value) => value !== "").optional()
    .describe("The language spoken, as en; the server's guess, unless given"),
  prompt: z.string().optional().describe("Text that guides the model"),
  temperature: number("must be 0 to 2", 0, 2).optional().describe(
    "How much chance there is in the choice of words",
  ),
};

type Settings = z.output<z.ZodObject<typeof speechToTextShape>>;

/** {@linkcode SpeechToTextOptions} with what was left out. */
export type SpeechToTextSettings = Settings & {
  readonly responseFormat: string;
};

/** Those that servers can send piece by piece. */
const STREAMED: readonly string[] = ["json", "text", "diarized_json"];

/**
 * Fields that the backend must know of, and why the body cannot set them. Not every server has the last one: it may
 * be taken out.
 */
const OWN_FIELDS: Readonly<Record<string, string>> = {
  file: "it is the audio of the data",
  stream: "the option stream says it",
  response_format: "the option responseFormat says it",
};

/** Holds options to each other, where the shape of one is not enough: for `superRefine`. */
export function refineSpeechToText(
  settings: SpeechToTextSettings,
  context: z.RefinementCtx,
): void {
  const { stream, responseFormat, audioFormat, sampleRateHz, body } = settings;
  if (stream && !STREAMED.includes(responseFormat)) {
    refuse(
      context,
      "responseFormat",
      `Cannot be streamed as only json, text and diarized_json can (stream=false does without): current value is ${responseFormat}`,
    );
  }
  if (audioFormat !== "wav" && sampleRateHz !== undefined) {
    refuse(
      context,
      "sampleRateHz",
      `Cannot be kept as files go as they are unless audioFormat=wav: current value is ${sampleRateHz}`,
    );
  }
  for (const [field, why] of Object.entries(OWN_FIELDS)) {
    if (body[field] === undefined) continue;
    if (field === "response_format" && body[field] === null) continue;
    refuse(context, "body", `Cannot set ${field} as ${why}`);
  }
  refineGeneration(settings, context);
  refineTarget(settings, context);
}
