import type { GenerationUsage } from "./generation.ts";
import { pydanticError } from "./python.ts";

/** An event of the client: a JSON object. */
export type Event = Readonly<Record<string, unknown>>;

/** A `transcription.done`. */
export function doneEvent(
  text: string | undefined,
  usage: GenerationUsage,
): string {
  const { promptTokens, completionTokens } = usage;
  return JSON.stringify({
    type: "transcription.done",
    text,
    usage: {
      prompt_tokens: promptTokens,
      total_tokens: promptTokens + completionTokens,
      completion_tokens: completionTokens,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
  });
}

/** The samples, if it is base64 of PCM16 and not empty. */
export function samplesOf(audio: unknown): Int16Array | undefined {
  if (typeof audio !== "string" || audio === "") return undefined;
  try {
    const bytes = Uint8Array.fromBase64(audio, STRICT);
    return bytes.length % 2 === 0 ? new Int16Array(bytes.buffer) : undefined;
  } catch {
    return undefined;
  }
}

/** What pydantic says of `audio`, if it is no string. */
export function audioProblem(event: Event): string | undefined {
  if (typeof event.audio === "string") return undefined;
  return pydanticError(
    "InputAudioBufferAppend",
    "audio" in event
      ? {
        field: "audio",
        message: "Input should be a valid string",
        kind: "string_type",
        input: event.audio,
      }
      : {
        field: "audio",
        message: "Field required",
        kind: "missing",
        input: event,
      },
  );
}

/** A boolean, as leniently as pydantic reads one. */
export function pythonBool(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : String(value);
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  if (["1", "true", "t", "yes", "y", "on"].includes(word)) return true;
  if (["0", "false", "f", "no", "n", "off"].includes(word)) return false;
  return undefined;
}

/** What pydantic says of such a `final`. */
export function finalProblem(final: unknown): string {
  const scalar = typeof final === "string" || typeof final === "number";
  return pydanticError("InputAudioBufferCommit", {
    field: "final",
    message: scalar
      ? "Input should be a valid boolean, unable to interpret input"
      : "Input should be a valid boolean",
    kind: scalar ? "bool_parsing" : "bool_type",
    input: final,
  });
}

const STRICT = { lastChunkHandling: "strict" } as const;
