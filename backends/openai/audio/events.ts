import { RequestError } from "../../../plugins/mod.ts";
import type { ServerEvent } from "../../http/http.ts";
import { BROKEN_OFF, reasonIn } from "../finish_reason.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  textOf,
} from "../json.ts";
import { received } from "../answer.ts";

/** What one event of a transcript's stream tells, in whichever of the three forms. */
export interface Step {
  /** A piece of text; may be empty. */
  readonly delta?: string | undefined;
  /** The text of a segment that is over: it says again what its pieces said, if any came. */
  readonly segment?: string | undefined;
  /** The whole text: what counts in the end. */
  readonly text?: string | undefined;
  /** Why a piece of the audio was over, in the server's word. Longer audio has several. */
  readonly finishReason?: string | undefined;
  /** Counts so far, or of all, in the server's form. */
  readonly usage?: unknown;
  /** Whether it is nothing but counts: of all, behind all. */
  readonly isCount?: boolean;
  /** The answer's id. */
  readonly id?: string | undefined;
  /** Whether nothing follows. */
  readonly isEnd?: boolean;
}

/**
 * Reads an event: OpenAI's `transcript.…`, Mistral's `transcription.…`, or `choices` as vLLM and sglang send them.
 *
 * @throws {RequestError} `server_error` if it tells of an error, `protocol_error` if it is no JSON object.
 */
export function stepOf(event: ServerEvent): Step {
  if (event.data.trim() === "[DONE]") return { isEnd: true };
  const value = received(event);
  return "choices" in value ? ofChunk(value) : ofNamed(value, event.type);
}

/** A chunk as of a chat, without roles and indices. The last one, with counts alone, has no choices. */
function ofChunk({ choices, id, usage }: JsonObject): Step {
  const [choice] = objectsIn(choices);
  return {
    delta: textOf(fieldOf(fieldOf(choice, "delta"), "content")),
    finishReason: endedBy(reasonIn(fieldOf(choice, "finish_reason"))),
    usage,
    isCount: choice === undefined && isObject(usage),
    id: textOf(id),
  };
}

/** Why it ended, unless the server gave it up and says no more than that. */
function endedBy(reason: string | undefined): string | undefined {
  if (reason === undefined || !BROKEN_OFF.has(reason)) return reason;
  const message = `The server gave the answer up: finish_reason is ${reason}`;
  throw new RequestError("server_error", message, { code: reason });
}

/** An event that has a name: in its data, or before it. Unknown ones tell nothing. */
function ofNamed(value: JsonObject, name?: string): Step {
  const { delta, text, usage } = value;
  switch (textOf(value.type) ?? name) {
    case "transcript.text.delta":
      return { delta: textOf(delta) };
    case "transcription.text.delta":
      return { delta: textOf(text) };
    case "transcript.text.segment":
    case "transcription.segment":
      return { segment: textOf(text) };
    case "transcript.text.done":
    case "transcription.done":
      return { text: textOf(text), usage, isEnd: true };
    default:
      return {};
  }
}
