import type { Head } from "./head.ts";
import type { SpeechForm } from "./form.ts";
import type { Segment, Transcript } from "./transcript.ts";
import type { Counts } from "./usage.ts";
import { tokenId, tokensOf } from "./tokens.ts";

/** The form of a transcription's answer. */
export type TranscriptionForm = "vllm" | "openai" | "sglang" | "mistral";

/** Speech that is answered, and how it was asked for. */
export interface Spoken {
  readonly head: Head;
  readonly form: SpeechForm;
  readonly transcript: Transcript;
  readonly counts: Counts;
  readonly isTranslation: boolean;
}

/** A whole answer, and its type. */
export function transcriptBody(
  spoken: Spoken,
  style: TranscriptionForm,
): { body: string; contentType: string } {
  const { form: { format }, transcript } = spoken;
  const text = (body: string) => ({
    body,
    contentType: "text/plain; charset=utf-8",
  });
  const json = (value: unknown) => ({
    body: JSON.stringify(value),
    contentType: "application/json",
  });
  if (format === "srt") return text(subtitles(transcript.segments, "srt"));
  if (format === "vtt") return text(subtitles(transcript.segments, "vtt"));
  if (format === "text" && style !== "vllm") {
    return text(`${transcript.text}\n`);
  }
  if (format === "verbose_json") {
    return json(
      style === "vllm" ? vllmVerbose(spoken) : openAiVerbose(spoken),
    );
  }
  return json(plain(spoken, style));
}

function plain(
  { transcript, counts, head, form, isTranslation }: Spoken,
  style: TranscriptionForm,
): unknown {
  const { text } = transcript;
  if (style === "mistral") {
    return {
      model: head.model,
      text,
      language: form.language || null,
      segments: [],
      usage: mistralUsage(transcript, counts),
    };
  }
  if (isTranslation) return { text };
  return {
    text,
    usage: style === "openai" ? tokensUsage(counts) : durationUsage(transcript),
  };
}

function vllmVerbose({ transcript, form }: Spoken): unknown {
  return {
    duration: transcript.durationMs / 1000,
    language: form.language || "en",
    text: transcript.text,
    segments: transcript.segments.map(({ startMs, endMs, text }, id) => ({
      id,
      avg_logprob: -0.25,
      compression_ratio: 1,
      end: endMs / 1000,
      no_speech_prob: null,
      seek: 0,
      start: startMs / 1000,
      temperature: 0,
      text: ` ${text}`,
      tokens: tokensOf(` ${text}`).map(tokenId),
    })),
    words: null,
  };
}

function openAiVerbose(
  { transcript, form, isTranslation }: Spoken,
): unknown {
  const { segments } = transcript;
  return {
    task: isTranslation ? "translate" : "transcribe",
    language: "english",
    duration: transcript.durationMs / 1000,
    text: transcript.text,
    ...(form.words
      ? {
        words: segments.flatMap(({ words }) =>
          words.map(({ text, startMs, endMs }) => ({
            word: text,
            start: startMs / 1000,
            end: endMs / 1000,
          }))
        ),
      }
      : {
        segments: segments.map(({ startMs, endMs, text }, id) => ({
          id,
          seek: 0,
          start: startMs / 1000,
          end: endMs / 1000,
          text: ` ${text}`,
          tokens: tokensOf(` ${text}`).map(tokenId),
          temperature: 0,
          avg_logprob: -0.25,
          compression_ratio: 1,
          no_speech_prob: 0.01,
        })),
      }),
    usage: durationUsage(transcript),
  };
}

/** Seconds of audio, rounded up as vLLM does. */
function durationUsage({ durationMs }: Transcript): unknown {
  return { type: "duration", seconds: Math.ceil(durationMs / 1000) };
}

/** Tokens, as OpenAI's newer models tell them. */
export function tokensUsage(
  { promptTokens, completionTokens }: Counts,
): unknown {
  return {
    type: "tokens",
    total_tokens: promptTokens + completionTokens,
    input_tokens: promptTokens,
    input_token_details: { text_tokens: 0, audio_tokens: promptTokens },
    output_tokens: completionTokens,
  };
}

/** Tokens and seconds, as Mistral tells them. */
export function mistralUsage(
  { durationMs }: Transcript,
  { promptTokens, completionTokens }: Counts,
): unknown {
  return {
    prompt_audio_seconds: Math.ceil(durationMs / 1000),
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

/** Subtitles: SubRip or WebVTT. */
function subtitles(segments: readonly Segment[], kind: "srt" | "vtt"): string {
  const blocks = segments.map(({ startMs, endMs, text }, i) => {
    const times = `${clock(startMs, kind)} --> ${clock(endMs, kind)}`;
    return kind === "srt"
      ? `${i + 1}\n${times}\n${text}\n\n`
      : `${times}\n${text}\n\n`;
  });
  return (kind === "vtt" ? "WEBVTT\n\n" : "") + blocks.join("");
}

/** `00:01:02.345`; with a comma in SubRip. */
function clock(ms: number, kind: "srt" | "vtt"): string {
  const whole = Math.round(ms);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const time = [whole / 3_600_000, whole / 60_000 % 60, whole / 1000 % 60];
  const mark = kind === "srt" ? "," : ".";
  return time.map(two).join(":") + mark + String(whole % 1000).padStart(3, "0");
}
