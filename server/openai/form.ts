import type { Incoming } from "../http/endpoints.ts";
import { checkModel, missingFields } from "./body.ts";
import { invalid, Refusal } from "../http/refusal.ts";

/** What is asked of a file of speech. */
export interface SpeechForm {
  readonly file: Uint8Array<ArrayBuffer>;
  readonly model: string | undefined;
  readonly language: string;
  readonly format: string;
  readonly stream: boolean;
  readonly usage: boolean;
  readonly continuousUsage: boolean;
  /** The most tokens of a piece of audio. */
  readonly most: number;
  /** Whether times of words are asked for. */
  readonly words: boolean;
}

/**
 * Reads the multipart form of a transcription.
 *
 * @throws {Refusal} It is none, or something in it is wrong.
 */
export async function readForm(
  incoming: Incoming,
  models: readonly string[],
): Promise<SpeechForm> {
  const form = await parse(incoming);
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  const file = form.get("file");
  if (file === null) throw missingFile();
  if (typeof file === "string") {
    throw new Refusal(
      "Expected 'file' to be a file-like object, not 'str'.",
      { status: 422, type: "Unprocessable Entity" },
    );
  }
  const stream = isTrue(text("stream"));
  const usage = isTrue(text("stream_include_usage"));
  const continuousUsage = isTrue(text("stream_continuous_usage_stats"));
  if (!stream && (usage || continuousUsage)) {
    const parameter = usage
      ? "stream_include_usage"
      : "stream_continuous_usage_stats";
    throw new Refusal(
      `Stream options can only be defined when \`stream=True\`. (parameter=${parameter})`,
      { param: parameter },
    );
  }
  const model = text("model");
  checkModel(model, models);
  return {
    file: new Uint8Array(await file.arrayBuffer()),
    model: model || undefined,
    language: text("language"),
    format: text("response_format") || "json",
    stream,
    usage,
    continuousUsage: usage && continuousUsage,
    most: tokensOf(text("max_completion_tokens")),
    words: form.getAll("timestamp_granularities[]").includes("word"),
  };
}

async function parse({ body, contentType }: Incoming): Promise<FormData> {
  try {
    return await new Response(body, {
      headers: { "content-type": contentType },
    }).formData();
  } catch {
    throw missingFile();
  }
}

/** pydantic counts the fields that have defaults too. */
function missingFile(): Refusal {
  return missingFields(["file"], {}, FIELDS);
}

const FIELDS = 14;

function isTrue(text: string): boolean {
  return ["true", "1", "on", "yes", "t", "y"].includes(text.toLowerCase());
}

function tokensOf(text: string): number {
  if (text === "") return Infinity;
  if (/^\d+$/.test(text) && Number(text) >= 1) return Number(text);
  throw invalid([{
    type: "int_parsing",
    loc: "body.max_completion_tokens",
    msg:
      "Input should be a valid integer, unable to parse string as an integer",
    input: text,
  }]);
}

/**
 * Looks whether the form asks for what there is.
 *
 * @throws {Refusal} It does not.
 */
export function checkForm(
  { format, language, stream }: SpeechForm,
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
