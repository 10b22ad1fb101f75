import { encodeWav } from "../../../audio/mod.ts";
import { ByteCache } from "../../../lib/bytes.ts";
import type { Audio, MediaFile, Turn } from "../../../plugins/mod.ts";
import { type Form, type FormField, multipart } from "./multipart.ts";
import type { JsonObject } from "../json.ts";
import type { Protocol } from "../protocol.ts";
import type { SpeechToTextSettings } from "./options.ts";
import { transcriptReader } from "./reader.ts";

/** Uploads speech and reads text. Transcriptions and translations differ only in their path and fields. */
export function speechToText(
  settings: SpeechToTextSettings,
  model: string,
  fields: JsonObject = {},
): Protocol<Form> {
  const { stream, responseFormat, audioFormat, language } = settings;
  return {
    needs: ["audio"],
    facts: {
      stream,
      responseFormat,
      audioFormat,
      ...(language !== undefined && { language }),
    },
    streams: stream,
    prepare: uploads(settings, {
      model,
      language,
      prompt: settings.prompt,
      temperature: settings.temperature,
      response_format: responseFormat,
      ...fields,
      ...streamFields(settings),
    }),
    request: ({ prepared }) => prepared,
    reader: (call) => transcriptReader(call, responseFormat),
    sent: () => undefined,
  };
}

/** Returns the fields that request a stream. vLLM has the stream options as fields of their own. */
function streamFields(
  { stream, streamUsage }: SpeechToTextSettings,
): JsonObject {
  if (!stream) return {};
  return {
    stream,
    ...(streamUsage !== "off" && { stream_include_usage: true }),
    ...(streamUsage === "continuous" && {
      stream_continuous_usage_stats: true,
    }),
  };
}

/** Capacity of the cache of forms, apart from those being sent: about 100 clips of 10 s in WAV. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** Builds the form of a turn, once for each clip: the fields and the audio as `file`. */
function uploads(
  { audioFormat, sampleRateHz = 16_000, maxOutputTokens, body }:
    SpeechToTextSettings,
  fields: JsonObject,
): (turn: Turn) => Promise<Form> {
  const cache = new ByteCache<Form>(CACHE_BYTES, ({ body }) => body.length);
  return async ({ columns: { audio }, maxOutputTokens: asked }) => {
    if (!audio) throw new Error("the turn has no audio to upload");
    const max_completion_tokens = asked ?? maxOutputTokens;
    const key = JSON.stringify([audio.id, max_completion_tokens]);
    return await cache.get(key, async () => {
      const value = audioFormat === "wav"
        ? await wavFile(audio, sampleRateHz)
        : await originalFile(audio);
      const all = { ...fields, max_completion_tokens, ...body };
      return multipart([...formFields(all), { name: "file", value }]);
    });
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

/** Returns the unchanged file. OpenAI accepts Ogg only under the extensions `.ogg` and `.oga`. */
async function originalFile(audio: Audio): Promise<MediaFile> {
  const file = await audio.file();
  return { ...file, name: file.name.replace(/\.opus$/i, ".ogg") };
}

async function wavFile(audio: Audio, sampleRateHz: number): Promise<MediaFile> {
  const bytes = encodeWav(await audio.pcm16(sampleRateHz), sampleRateHz);
  return { bytes, mediaType: "audio/wav", name: "audio.wav" };
}
