import { encodeWav } from "../../../audio/mod.ts";
import type { Audio, MediaFile, Turn } from "../../../plugins/mod.ts";
import { byteCache } from "../../../lib/byte_cache.ts";
import { type Form, type FormField, multipart } from "../../http/multipart.ts";
import type { Fields } from "../body.ts";
import type { SpeechToTextSettings } from "./options.ts";

/** Forms kept beside those that are being sent: some 100 clips of 10 s in WAV. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** Builds the form of a turn, each once: the fields, of which a list is repeated, and the audio as `file`. */
export function uploads(
  { audioFormat, sampleRateHz = 16_000, maxOutputTokens, body }:
    SpeechToTextSettings,
  fields: Fields,
): (turn: Turn) => Promise<Form> {
  const cache = byteCache<Form>(CACHE_BYTES, ({ body }) => body.length);
  const fileOf = audioFormat === "wav"
    ? (audio: Audio) => wavOf(audio, sampleRateHz)
    : asIs;
  return async (turn) => {
    const { columns: { audio }, maxOutputTokens: asked } = turn;
    if (!audio) throw new Error("Cannot upload a turn without audio");
    const max_completion_tokens = asked ?? maxOutputTokens;
    const key = JSON.stringify([audio.id, max_completion_tokens]);
    return await cache.get(key, async () => {
      const value = await fileOf(audio);
      const all = { ...fields, max_completion_tokens, ...body };
      return multipart([...formFields(all), { name: "file", value }]);
    });
  };
}

/** The fields as a form has them: a list as `name[]` again and again, objects as JSON, nothing for null. */
export function formFields(fields: Fields): FormField[] {
  const byName = new Map(Object.entries(fields).map(normal));
  return [...byName].flatMap(([name, value]) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return [{ name, value: textOf(value) }];
    return value.map((item) => ({ name: `${name}[]`, value: textOf(item) }));
  });
}

/** `name[]` is the list `name`, whoever wrote it so. */
function normal([key, value]: [string, unknown]): [string, unknown] {
  if (!key.endsWith("[]")) return [key, value];
  const isList = Array.isArray(value) || value === null || value === undefined;
  return [key.slice(0, -2), isList ? value : [value]];
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** OpenAI knows Ogg by the extensions `.ogg` and `.oga` alone. */
async function asIs(audio: Audio): Promise<MediaFile> {
  const file = await audio.file();
  return { ...file, name: file.name.replace(/\.opus$/i, ".ogg") };
}

async function wavOf(audio: Audio, sampleRateHz: number): Promise<MediaFile> {
  const bytes = encodeWav(await audio.pcm16(sampleRateHz), sampleRateHz);
  return { bytes, mediaType: "audio/wav", name: "audio.wav" };
}
