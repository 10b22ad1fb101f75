import type { ServerHost } from "../context.ts";
import type { Incoming } from "../http/endpoints.ts";
import { Refusal } from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import {
  checkModel,
  missingFields,
  notInteger,
  withoutStream,
} from "./body.ts";

/** The form of a transcription's request. */
export type SpeechForm = Awaited<ReturnType<typeof readForm>>;

/** Fields with defaults, which pydantic counts too. */
const FORM_FIELDS = 14;

/**
 * Reads the multipart form of a transcription.
 *
 * @throws {Refusal} If the body is not a form, a field is wrong, or the server cannot answer what it asks for.
 */
export async function readForm(
  { body, contentType }: Incoming,
  { models }: ServerHost,
  { dialect }: Options,
) {
  const headers = { "content-type": contentType };
  const form = await new Response(body, { headers }).formData()
    .catch(() => new FormData());
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  const wants = (name: string) => isTrue(text(name));
  const file = form.get("file");
  if (file === null) throw missingFields(["file"], {}, FORM_FIELDS);
  if (typeof file === "string") {
    throw new Refusal(
      "Expected 'file' to be a file-like object, not 'str'.",
      { status: 422, type: "Unprocessable Entity" },
    );
  }
  const [param] = STREAM_FIELDS.filter(wants);
  const stream = wants("stream");
  if (!stream && param !== undefined) throw withoutStream(param);
  checkModel(text("model"), models);
  const usage = wants("stream_include_usage");
  const fields = {
    file: new Uint8Array(await file.arrayBuffer()),
    model: text("model") || undefined,
    language: text("language"),
    format: text("response_format") || "json",
    stream,
    usage,
    continuousUsage: usage && wants("stream_continuous_usage_stats"),
    /** The most tokens of a part of the audio. */
    most: mostTokens(text("max_completion_tokens")),
    /** Whether it asks for the times of words. */
    words: form.getAll("timestamp_granularities[]").includes("word"),
  };
  checkForm(fields, dialect === "vllm" ? VLLM_FORMATS : OPENAI_FORMATS);
  return fields;
}

const STREAM_FIELDS = [
  "stream_include_usage",
  "stream_continuous_usage_stats",
];

function isTrue(text: string): boolean {
  return ["true", "1", "on", "yes", "t", "y"].includes(text.toLowerCase());
}

function mostTokens(text: string): number {
  if (text === "") return Infinity;
  if (/^\d+$/.test(text) && Number(text) >= 1) return Number(text);
  throw notInteger("max_completion_tokens", text);
}

const VLLM_FORMATS = ["json", "text", "verbose_json"];
const OPENAI_FORMATS = [...VLLM_FORMATS, "srt", "vtt"];

function checkForm(
  { format, language, stream }: {
    format: string;
    language: string;
    stream: boolean;
  },
  formats: readonly string[],
): void {
  if (!formats.includes(format)) {
    throw new Refusal(
      "Currently only support response_format: `text`, `json`, `verbose_json` or `diarized_json`",
    );
  }
  if (stream && format === "verbose_json") {
    throw new Refusal("verbose_json format doesn't support streaming case");
  }
  if (language === "" || LANGUAGES.includes(language)) return;
  const known = LANGUAGES.map((code) => `'${code}'`).join(", ");
  throw new Refusal(
    `Unsupported language: '${language}'.  Must be one of [${known}].`,
  );
}

const LANGUAGES =
  "af ar hy az be bs bg ca zh hr cs da nl en et fi fr gl de el he hi hu is id it ja kn kk ko lv lt mk ms mr mi ne no fa pl pt ro ru sr sk sl es sw sv tl ta th tr uk ur vi cy"
    .split(" ");
