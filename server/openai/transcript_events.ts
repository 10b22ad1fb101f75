import type { Piece } from "./answer.ts";
import {
  mistralUsage,
  type Spoken,
  tokensUsage,
  type TranscriptionForm,
} from "./transcript_json.ts";
import { type Counts, plainUsage } from "./usage.ts";

/** An event of a streamed transcription. */
export interface SpeechEvent {
  /** As the log calls it. */
  readonly type: string;
  /** With its empty line. */
  readonly text: string;
}

/** The events of a streamed transcription. */
export interface SpeechEvents {
  /** Of an error, where a form has its own. */
  readonly failure?: (code: string, message: string) => SpeechEvent[];
  /** Ahead of all text. */
  opening(): readonly SpeechEvent[];
  /** Of a piece, and of the tokens so far. */
  piece(piece: Piece, counts: Counts): readonly SpeechEvent[];
  /** Behind all text. */
  closing(): readonly SpeechEvent[];
}

/** How a form's events look. */
export function speechEvents(
  spoken: Spoken,
  { style, done }: { style: TranscriptionForm; done: boolean },
): SpeechEvents {
  switch (style) {
    case "vllm":
    case "sglang":
      return chunkEvents(spoken, { style, done });
    case "openai":
      return openAiEvents(spoken);
    case "mistral":
      return mistralEvents(spoken);
  }
}

/** Chunks like those of a chat; sglang's finish_reason comes in one of its own. */
function chunkEvents(
  { head, form, counts: all, isTranslation }: Spoken,
  { style, done }: { style: TranscriptionForm; done: boolean },
): SpeechEvents {
  const type = isTranslation ? "translation.chunk" : "transcription.chunk";
  const start = `{"id":${
    JSON.stringify(head.id)
  },"object":"${type}","created":${head.created},"model":${
    JSON.stringify(head.model)
  },"choices":[`;
  const event = (json: string): SpeechEvent => ({
    type,
    text: `data: ${json}\n\n`,
  });
  const isVllm = style === "vllm";
  const usage = (counts: Counts) =>
    isVllm && form.continuousUsage
      ? `,"usage":${JSON.stringify(plainUsage(counts))}`
      : "";
  return {
    opening: () => [],
    piece({ text, ends }, counts) {
      const delta = `{"delta":{"content":${JSON.stringify(text)}}`;
      const isPlain = ends === undefined || !isVllm;
      const reason = isPlain
        ? isVllm ? "" : ',"finish_reason":null'
        : `,"finish_reason":"${ends}","stop_reason":null`;
      const chunk = event(`${start}${delta}${reason}}]${usage(counts)}}`);
      if (isVllm || ends === undefined) return [chunk];
      return [
        chunk,
        event(`${start}{"delta":{"content":""},"finish_reason":"${ends}"}]}`),
      ];
    },
    closing: () => [
      ...(isVllm && form.usage
        ? [event(`${start}],"usage":${JSON.stringify(plainUsage(all))}}`)]
        : []),
      ...(done ? [{ type: "[DONE]", text: "data: [DONE]\n\n" }] : []),
    ],
  };
}

function openAiEvents({ transcript, counts }: Spoken): SpeechEvents {
  const event = (type: string, fields: object): SpeechEvent => ({
    type,
    text: `data: ${JSON.stringify({ type, ...fields })}\n\n`,
  });
  return {
    failure: (code, message) => [event("error", { error: { code, message } })],
    opening: () => [],
    piece: ({ text }) => [event("transcript.text.delta", { delta: text })],
    closing: () => [
      event("transcript.text.done", {
        text: transcript.text,
        usage: tokensUsage(counts),
      }),
    ],
  };
}

function mistralEvents(
  { head, form, transcript, counts }: Spoken,
): SpeechEvents {
  const event = (type: string, fields: object): SpeechEvent => ({
    type,
    text: `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`,
  });
  const language = form.language || "en";
  return {
    failure: (code, message) => [event("error", { error: { code, message } })],
    opening: () => [
      event("transcription.language", { audio_language: language }),
    ],
    piece: ({ text }) => [event("transcription.text.delta", { text })],
    closing: () => [
      event("transcription.done", {
        model: head.model,
        text: transcript.text,
        language,
        segments: [],
        usage: mistralUsage(transcript, counts),
      }),
    ],
  };
}
