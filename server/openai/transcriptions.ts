import type { Endpoint } from "../http/endpoints.ts";
import type { Exchange } from "../http/exchange.ts";
import {
  DONE_EVENT,
  type FailureEvents,
  Refusal,
  type ServerEvent,
} from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import type { RecognizeFile } from "../speech.ts";
import type { Piece } from "./answer.ts";
import { countsOf, generate, type Job } from "./generation.ts";
import { readForm, type SpeechForm } from "./speech_form.ts";
import { tokenId, tokensOf } from "./tokens.ts";
import { type Segment, transcribe, type Transcript } from "./transcript.ts";
import { type Counts, type Head, headOf, plainUsage } from "./usage.ts";

type SpeechTask = keyof typeof VERBS;

const VERBS = { transcription: "transcribe", translation: "translate" };

/** Prompt tokens before those of the audio. */
const PROMPT_TOKENS = 4;

/** Creates `/v1/audio/transcriptions` or `/v1/audio/translations`. */
export function createSpeech(
  task: SpeechTask,
  recognize: RecognizeFile,
): Endpoint {
  return {
    prefix: `${VERBS[task]}-`,
    async handle(incoming, exchange) {
      const { options, host } = exchange;
      const form = await readForm(incoming, host, options);
      const spoken = await recognize(form.file, options.wordsPerSecond)
        .catch((cause) => {
          throw new Refusal(
            "Invalid or corrupted audio data. Ensure the input is a valid audio or video file (e.g. a complete WAV, MP3, or MP4).",
            { cause },
          );
        });
      const random = exchange.random("words");
      const { most } = form;
      const transcript = transcribe(spoken, options, { most, random });
      const { durationMs, text } = transcript;
      const audioTokens = durationMs / 1000 * options.audioTokensPerSecond;
      const job: Job = {
        answers: [transcript.answer],
        promptTokens: PROMPT_TOKENS + Math.ceil(audioTokens),
        firstMs: options.rtfx > 0 ? durationMs / options.rtfx : 0,
      };
      const head = headOf(exchange, form.model);
      const speech = { task, head, form, transcript, counts: countsOf(job) };
      if (form.stream && !exchange.refusesStreams) {
        return stream(speech, job, exchange);
      }
      const [body, type] = bodyOf(speech, options.dialect === "vllm");
      const headers = { "content-type": type };
      const done = () =>
        exchange.answer(body, { type: task, headers, chars: text.length });
      generate(exchange, job, { done });
    },
  };
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

/** A transcript that is about to be answered. */
interface SpeechAnswer {
  readonly task: SpeechTask;
  readonly head: Head;
  readonly form: SpeechForm;
  readonly transcript: Transcript;
  readonly counts: Counts;
}

/** The body of an answer in one piece, and its type. */
function bodyOf(
  answer: SpeechAnswer,
  isVllm: boolean,
): [body: string, contentType: string] {
  const { task, form: { format }, transcript, counts } = answer;
  const { segments, text } = transcript;
  const plainType = "text/plain; charset=utf-8";
  switch (format) {
    case "srt":
    case "vtt":
      return [subtitles(segments, format), plainType];
    case "text":
      if (!isVllm) return [`${text}\n`, plainType];
  }
  const usage = isVllm ? durationUsage(transcript) : tokensUsage(counts);
  const short = task === "translation" ? { text } : { text, usage };
  const json = format === "verbose_json" ? verboseJson(answer, isVllm) : short;
  return [JSON.stringify(json), "application/json"];
}

function verboseJson(
  { task, transcript, form }: SpeechAnswer,
  isVllm: boolean,
): object {
  const { durationMs, text } = transcript;
  const duration = durationMs / 1000;
  const times = (part: { startMs: number; endMs: number }) => ({
    start: part.startMs / 1000,
    end: part.endMs / 1000,
  });
  const segments = transcript.segments.map((segment, id) => ({
    id,
    seek: 0,
    ...times(segment),
    text: ` ${segment.text}`,
    tokens: tokensOf(` ${segment.text}`).map(tokenId),
    temperature: 0,
    avg_logprob: -0.25,
    compression_ratio: 1,
    no_speech_prob: isVllm ? null : 0.01,
  }));
  if (isVllm) {
    const language = form.language || "en";
    return { duration, language, text, segments, words: null };
  }
  const words = transcript.segments.flatMap(({ words }) => words)
    .map((word) => ({ word: word.text, ...times(word) }));
  return {
    task: VERBS[task],
    language: "english",
    duration,
    text,
    ...(form.words ? { words } : { segments }),
    usage: durationUsage(transcript),
  };
}

/** Seconds of audio, rounded up as vLLM does. */
function durationUsage({ durationMs }: Transcript): object {
  return { type: "duration", seconds: Math.ceil(durationMs / 1000) };
}

/** Tokens, as OpenAI's newer models report them. */
function tokensUsage({ promptTokens, completionTokens }: Counts): object {
  return {
    type: "tokens",
    total_tokens: promptTokens + completionTokens,
    input_tokens: promptTokens,
    input_token_details: { text_tokens: 0, audio_tokens: promptTokens },
    output_tokens: completionTokens,
  };
}

function subtitles(segments: readonly Segment[], kind: "srt" | "vtt"): string {
  const blocks = segments.map(({ startMs, endMs, text }, i) => {
    const number = kind === "srt" ? `${i + 1}\n` : "";
    const times = `${timeOf(startMs, kind)} --> ${timeOf(endMs, kind)}`;
    return `${number}${times}\n${text}\n\n`;
  });
  return (kind === "vtt" ? "WEBVTT\n\n" : "") + blocks.join("");
}

/** Formats a time as `00:01:02.345`, with a comma in SubRip. */
function timeOf(ms: number, kind: "srt" | "vtt"): string {
  const time = new Date(Math.round(ms)).toISOString().slice(11, 23);
  return kind === "srt" ? time.replace(".", ",") : time;
}

/** Events of a streamed transcription. */
interface SpeechEvents {
  /** Forms error events, if they are not the usual ones. */
  readonly failure?: FailureEvents;
  /** Forms the event of a piece. `counts` has the tokens so far. */
  piece(piece: Piece, counts: Counts): ServerEvent;
  /** The events after the text. */
  readonly closing: readonly ServerEvent[];
}

/** Forms vLLM's events, which are chunks like those of a chat. */
function vllmEvents(
  { task, head, form, counts }: SpeechAnswer,
  { done }: Options,
): SpeechEvents {
  const { id, created, model } = head;
  const object = `${task}.chunk`;
  const event = (choices: object[], counts?: Counts): ServerEvent => {
    const usage = counts && { usage: plainUsage(counts) };
    const chunk = { id, object, created, model, choices, ...usage };
    return { type: object, text: `data: ${JSON.stringify(chunk)}\n\n` };
  };
  return {
    piece({ text, ends }, counts) {
      const delta = { content: text };
      const choice = ends === undefined
        ? { delta }
        : { delta, finish_reason: ends, stop_reason: null };
      return event([choice], form.continuousUsage ? counts : undefined);
    },
    closing: [
      ...(form.usage ? [event([], counts)] : []),
      ...(done ? [DONE_EVENT] : []),
    ],
  };
}

/** Forms OpenAI's events, each with a type. */
function openAiEvents(
  { transcript: { text }, counts }: SpeechAnswer,
): SpeechEvents {
  const event = (type: string, fields: object): ServerEvent => ({
    type,
    text: `data: ${JSON.stringify({ type, ...fields })}\n\n`,
  });
  const usage = tokensUsage(counts);
  return {
    failure: (code, message) => [event("error", { error: { code, message } })],
    piece: ({ text }) => event("transcript.text.delta", { delta: text }),
    closing: [event("transcript.text.done", { text, usage })],
  };
}
