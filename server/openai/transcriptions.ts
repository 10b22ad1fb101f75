import type { ServerHost } from "../context.ts";
import type { Endpoint, Incoming } from "../http/endpoints.ts";
import type { Exchange } from "../http/exchange.ts";
import { Refusal } from "../http/refusal.ts";
import { createFileRecognizer, type RecognizeFile } from "../speech.ts";
import { checkModel, missingFields, notInteger } from "./body.ts";
import { answerWhole, countsOf, generate, type Job } from "./generation.ts";
import {
  openAiEvents,
  type SpeechAnswer,
  type SpeechForm,
  transcribe,
  transcriptBody,
  vllmEvents,
} from "./transcript.ts";
import { headOf } from "./usage.ts";

/** Creates `/v1/audio/transcriptions` and `/v1/audio/translations`, which share the words of files. */
export function createSpeechEndpoints(seed: number): {
  transcriptions: Endpoint;
  translations: Endpoint;
} {
  const recognize = createFileRecognizer(seed);
  const endpoint = (prefix: string, isTranslation: boolean): Endpoint => ({
    prefix,
    handle: (incoming, exchange, host) =>
      answer(incoming, exchange, { host, recognize, isTranslation }),
  });
  return {
    transcriptions: endpoint("transcribe-", false),
    translations: endpoint("translate-", true),
  };
}

/** Prompt tokens before those of the audio. */
const PROMPT_TOKENS = 4;

async function answer(
  incoming: Incoming,
  exchange: Exchange,
  { host, recognize, isTranslation }: {
    host: ServerHost;
    recognize: RecognizeFile;
    isTranslation: boolean;
  },
): Promise<void> {
  const { options } = exchange;
  const form = await readForm(incoming, host.models);
  checkForm(form, options.dialect === "vllm" ? VLLM_FORMATS : OPENAI_FORMATS);
  const spoken = await recognize(form.file, options.wordsPerSecond).catch(
    (cause) => {
      throw new Refusal(
        "Invalid or corrupted audio data. Ensure the input is a valid audio or video file (e.g. a complete WAV, MP3, or MP4).",
        { cause },
      );
    },
  );
  const random = exchange.random("words");
  const { most } = form;
  const transcript = transcribe(spoken, options, { most, random });
  const { durationMs } = transcript;
  const audioTokens = durationMs / 1000 * options.audioTokensPerSecond;
  const job: Job = {
    answers: [transcript.answer],
    promptTokens: PROMPT_TOKENS + Math.ceil(audioTokens),
    seats: host.seats,
    firstMs: options.rtfx > 0 ? durationMs / options.rtfx : 0,
  };
  const head = headOf(exchange, form.model, host.models);
  const counts = countsOf(job);
  const speech = { head, form, transcript, counts, isTranslation };
  if (form.stream && !exchange.refusesStreams) {
    return stream(speech, job, exchange);
  }
  const { body, contentType } = transcriptBody(speech, options);
  answerWhole(exchange, job, () => body, {
    type: isTranslation ? "translation" : "transcription",
    headers: { "content-type": contentType },
    chars: transcript.text.length,
  });
}

function stream(speech: SpeechAnswer, job: Job, exchange: Exchange): void {
  const { promptTokens } = job;
  const { options } = exchange;
  const events = options.dialect === "vllm"
    ? vllmEvents(speech, options)
    : openAiEvents(speech);
  let completionTokens = 0;
  exchange.open(events.failure);
  generate(exchange, job, {
    piece(piece) {
      completionTokens += piece.tokens;
      const counts = { promptTokens, completionTokens, reasoningTokens: 0 };
      const { type, text } = events.piece(piece, counts);
      exchange.send(type, text, piece.text.length);
    },
    done: () =>
      exchange.finish(() => {
        for (const { type, text } of events.closing) {
          exchange.send(type, text);
        }
      }),
  });
}

/** Fields with defaults, which pydantic counts too. */
const FORM_FIELDS = 14;

/**
 * Reads the multipart form of a transcription.
 *
 * @throws {Refusal} If the body is not a form, or a field is wrong.
 */
async function readForm(
  { body, contentType }: Incoming,
  models: readonly string[],
): Promise<SpeechForm> {
  const headers = { "content-type": contentType };
  const form = await new Response(body, { headers }).formData()
    .catch(() => new FormData());
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  const file = form.get("file");
  if (file === null) throw missingFields(["file"], {}, FORM_FIELDS);
  if (typeof file === "string") {
    throw new Refusal(
      "Expected 'file' to be a file-like object, not 'str'.",
      { status: 422, type: "Unprocessable Entity" },
    );
  }
  const stream = isTrue(text("stream"));
  const options = ["stream_include_usage", "stream_continuous_usage_stats"];
  const [param] = options.filter((name) => isTrue(text(name)));
  if (!stream && param !== undefined) {
    throw new Refusal(
      `Stream options can only be defined when \`stream=True\`. (parameter=${param})`,
      { param },
    );
  }
  const model = text("model");
  checkModel(model, models);
  const [usage, continuousUsage] = options.map((name) => isTrue(text(name)));
  return {
    file: new Uint8Array(await file.arrayBuffer()),
    model: model || undefined,
    language: text("language"),
    format: text("response_format") || "json",
    stream,
    usage: usage!,
    continuousUsage: usage! && continuousUsage!,
    most: mostTokens(text("max_completion_tokens")),
    words: form.getAll("timestamp_granularities[]").includes("word"),
  };
}

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

/**
 * Checks that the server can answer what a form asks for.
 *
 * @throws {Refusal} If it cannot.
 */
function checkForm(
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
