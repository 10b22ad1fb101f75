import { createHearing, type Hearing } from "../speech/hearing.ts";
import type { Endpoint, EndpointHost, Incoming } from "../http/endpoints.ts";
import { Refusal } from "../http/refusal.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkForm, readForm, type SpeechForm } from "./form.ts";
import { generate } from "./generation.ts";
import { headOf } from "./head.ts";
import type { RequestOptions } from "./options.ts";
import { answerWhole, countsOf, type Job } from "./stream.ts";
import { transcribe, type Transcript } from "./transcript.ts";
import { speechEvents } from "./transcript_events.ts";
import {
  type Spoken,
  transcriptBody,
  type TranscriptionForm,
} from "./transcript_json.ts";

/** `/v1/audio/transcriptions` and `/v1/audio/translations`, which know what they heard before. */
export function speechEndpoints(): Record<
  "transcriptions" | "translations",
  Endpoint
> {
  let hearing: Hearing | undefined;
  const handle =
    (isTranslation: boolean): Endpoint["handle"] =>
    (incoming, exchange, host) => {
      hearing ??= createHearing(host);
      return answer(incoming, exchange, { host, hearing, isTranslation });
    };
  return {
    transcriptions: { prefix: "transcribe-", handle: handle(false) },
    translations: { prefix: "translate-", handle: handle(true) },
  };
}

async function answer(
  incoming: Incoming,
  exchange: Exchange,
  { host, hearing, isTranslation }: {
    host: EndpointHost;
    hearing: Hearing;
    isTranslation: boolean;
  },
): Promise<void> {
  const { options, id, clock } = exchange;
  const form = await readForm(incoming, host.models);
  const style = formOf(options);
  checkForm(form, style === "openai" ? OPENAI_FORMATS : VLLM_FORMATS);
  const transcript = await transcriptOf(form, exchange, hearing);
  const seconds = transcript.durationMs / 1000;
  const job: Job = {
    answers: [transcript.answer],
    promptTokens: PROMPT_TOKENS +
      Math.ceil(seconds * options.audioTokensPerSecond),
    seats: host.seats,
    firstMs: options.rtfx > 0 ? transcript.durationMs / options.rtfx : 0,
  };
  const spoken: Spoken = {
    head: headOf(id, form.model ?? host.models[0], clock),
    form,
    transcript,
    counts: countsOf(job),
    isTranslation,
  };
  if (form.stream && !exchange.refusesStreams) {
    return stream(spoken, job, { exchange, style });
  }
  const { body, contentType } = transcriptBody(spoken, style);
  const type = isTranslation ? "translation" : "transcription";
  const chars = transcript.text.length;
  answerWhole(exchange, job, { type, contentType, chars, json: () => body });
}

/** Tokens of the prompt ahead of the audio's. */
const PROMPT_TOKENS = 4;

const VLLM_FORMATS = ["json", "text", "verbose_json"];
const OPENAI_FORMATS = [...VLLM_FORMATS, "srt", "vtt"];

/** The form of the answer: the option's, or the dialect's. */
function formOf(
  { transcriptionForm, dialect }: RequestOptions,
): TranscriptionForm {
  if (transcriptionForm) return transcriptionForm;
  return dialect === "deepseek" ? "openai" : dialect;
}

async function transcriptOf(
  { file, most }: SpeechForm,
  exchange: Exchange,
  hearing: Hearing,
): Promise<Transcript> {
  const { options } = exchange;
  const heard = await hearing.hear(file, options).catch((cause) => {
    throw new Refusal(
      "Invalid or corrupted audio data. Ensure the input is a valid audio or video file (e.g. a complete WAV, MP3, or MP4).",
      { cause },
    );
  });
  return transcribe(heard, { options, most, random: exchange.random("words") });
}

function stream(
  spoken: Spoken,
  job: Job,
  { exchange, style }: { exchange: Exchange; style: TranscriptionForm },
): void {
  const { promptTokens } = job;
  const events = speechEvents(spoken, { style, done: exchange.options.done });
  let completionTokens = 0;
  exchange.open(events.failure);
  for (const { type, text } of events.opening()) exchange.send(type, text);
  generate(exchange, job, {
    started() {},
    piece(piece) {
      completionTokens += piece.tokens;
      const counts = { promptTokens, completionTokens, reasoningTokens: 0 };
      let chars = piece.text.length;
      for (const { type, text } of events.piece(piece, counts)) {
        exchange.send(type, text, chars);
        chars = 0;
      }
    },
    done() {
      exchange.finish(() => {
        for (const { type, text } of events.closing()) {
          exchange.send(type, text);
        }
      });
    },
  });
}
