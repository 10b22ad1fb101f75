import type { Random } from "../../lib/random.ts";
import {
  DONE_EVENT,
  type FailureEvents,
  type ServerEvent,
} from "../http/refusal.ts";
import type { RequestOptions } from "../settings.ts";
import { type FileSpeech, type TimedWord, withErrors } from "../speech.ts";
import type { Answer, Piece } from "./answer.ts";
import { tokenId, tokensOf } from "./tokens.ts";
import { type Counts, type Head, plainUsage } from "./usage.ts";

/** A sentence or part of it, with its times. */
export interface Segment {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly words: readonly TimedWord[];
}

/** The transcript of an audio file, and the answer that carries it. */
export interface Transcript {
  readonly durationMs: number;
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly answer: Answer;
}

/**
 * Writes a transcript with errors at the rate that is set. It is cut into the parts that the audio is cut into.
 *
 * @param most The most tokens of a part.
 */
export function transcribe(
  { durationMs, words }: FileSpeech,
  options: RequestOptions,
  { most, random }: { most: number; random: Random },
): Transcript {
  const { clipMs, wordErrorRate: rate, tokensPerEvent: size } = options;
  const count = Math.max(1, Math.ceil(durationMs / clipMs));
  const clips = Array.from({ length: count }, (): TimedWord[] => []);
  for (const word of words) {
    const clip = clips[Math.min(count - 1, Math.floor(word.startMs / clipMs))]!;
    for (const text of withErrors(word.text, rate, random)) {
      clip.push({ ...word, text });
    }
  }
  const pieces: Piece[] = [];
  let text = "";
  let spent = 0;
  for (const words of clips) {
    const said = words.map(({ text }) => text).join(" ");
    const tokens = tokensOf((text && said ? " " : "") + said);
    const clip = clipPieces(tokens, { most, size, spent });
    pieces.push(...clip);
    text += clip.map(({ text }) => text).join("");
    spent = Math.max(spent, 1, Math.min(tokens.length, most));
  }
  return {
    durationMs,
    text,
    segments: clips.flatMap(segmentsOf),
    answer: {
      pieces,
      finishReason: pieces.some(({ ends }) => ends === "length")
        ? "length"
        : "stop",
      tokens: pieces.reduce((sum, { tokens }) => sum + tokens, 0),
      reasoningTokens: 0,
    },
  };
}

/**
 * The pieces of one part of the audio. All parts are computed in parallel, so a later one only waits for the tokens
 * beyond `spent`, the token times that have passed before it.
 */
function clipPieces(
  tokens: readonly string[],
  { most, size, spent }: { most: number; size: number; spent: number },
): Piece[] {
  const said = tokens.slice(0, most);
  const pieces: Piece[] = [];
  for (let i = 0; i < Math.max(1, said.length); i += size) {
    const group = said.slice(i, i + size);
    const count = Math.max(1, group.length);
    pieces.push({
      kind: "text",
      text: group.join(""),
      tokens: count,
      costs: Math.min(count, Math.max(0, i + count - spent)),
    });
  }
  const ends = tokens.length > most ? "length" : "stop";
  pieces.push({ ...pieces.pop()!, ends });
  return pieces;
}

/** Most words of a segment. */
const MAX_WORDS = 12;

/** Cuts words into segments, each ended by a sentence's end or {@linkcode MAX_WORDS}. */
function segmentsOf(words: readonly TimedWord[]): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  for (const [i, { text, endMs }] of words.entries()) {
    const isEnd = /[.?!]$/.test(text) || i - from + 1 >= MAX_WORDS;
    if (!isEnd && i < words.length - 1) continue;
    const part = words.slice(from, i + 1);
    from = i + 1;
    segments.push({
      startMs: part[0]!.startMs,
      endMs,
      text: part.map(({ text }) => text).join(" "),
      words: part,
    });
  }
  return segments;
}

/** Form of a transcription's request. */
export interface SpeechForm {
  readonly file: Uint8Array<ArrayBuffer>;
  readonly model: string | undefined;
  readonly language: string;
  readonly format: string;
  readonly stream: boolean;
  readonly usage: boolean;
  readonly continuousUsage: boolean;
  /** The most tokens of a part of the audio. */
  readonly most: number;
  /** Whether it asks for the times of words. */
  readonly words: boolean;
}

/** A transcript that is about to be answered. */
export interface SpeechAnswer {
  readonly head: Head;
  readonly form: SpeechForm;
  readonly transcript: Transcript;
  readonly counts: Counts;
  readonly isTranslation: boolean;
}

/** The body of an answer in one piece, and its type. */
export function transcriptBody(
  answer: SpeechAnswer,
  { dialect }: RequestOptions,
): { body: string; contentType: string } {
  const { form: { format }, transcript, counts, isTranslation } = answer;
  const { segments, text } = transcript;
  const isVllm = dialect === "vllm";
  const plain = format === "srt" || format === "vtt"
    ? subtitles(segments, format)
    : format === "text" && !isVllm
    ? `${text}\n`
    : undefined;
  if (plain !== undefined) {
    return { body: plain, contentType: "text/plain; charset=utf-8" };
  }
  const usage = isVllm ? durationUsage(transcript) : tokensUsage(counts);
  const value = format === "verbose_json"
    ? verboseJson(answer, isVllm)
    : isTranslation
    ? { text }
    : { text, usage };
  return { body: JSON.stringify(value), contentType: "application/json" };
}

function verboseJson(
  { transcript, form, isTranslation }: SpeechAnswer,
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
    task: isTranslation ? "translate" : "transcribe",
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
export interface SpeechEvents {
  /** Forms error events, if they are not the usual ones. */
  readonly failure?: FailureEvents;
  /** Forms the event of a piece. `counts` has the tokens so far. */
  piece(piece: Piece, counts: Counts): ServerEvent;
  /** The events after the text. */
  readonly closing: readonly ServerEvent[];
}

/** Forms vLLM's events, which are chunks like those of a chat. */
export function vllmEvents(
  { head, form, counts, isTranslation }: SpeechAnswer,
  { done }: RequestOptions,
): SpeechEvents {
  const { id, created, model } = head;
  const object = isTranslation ? "translation.chunk" : "transcription.chunk";
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
export function openAiEvents(
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
