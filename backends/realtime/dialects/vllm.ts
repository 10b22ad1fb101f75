import { usageOf } from "../../openai/usage.ts";
import type {
  Dialect,
  DialectEvent,
  JsonObject,
  SessionSettings,
  Step,
} from "./dialect.ts";

/** Set until the server has greeted us: what the session is to be told then. */
type State = { readonly greeting: SessionSettings } | { readonly open: true };

const OPEN: State = { open: true };
const NOTED: DialectEvent = { kind: "noted" };

const UPDATE = "session.update";
const APPEND = "input_audio_buffer.append";
const COMMIT = "input_audio_buffer.commit";

/**
 * vLLM's `/v1/realtime`: events named as OpenAI's, and flat.
 *
 * A commit that is not final starts the decoding, a final one ends the audio and starts nothing. So a stream
 * commits before its first append, while the batch order keeps both commits for the end and has nothing
 * decoded until all audio has arrived. Good messages are not acknowledged.
 */
export const vllm: Dialect<State> = {
  path: "/v1/realtime",
  sampleRateHz: 16_000,
  start: (session) => ({ greeting: session }),
  receive: (state, message) =>
    "greeting" in state
      ? greet(state, message)
      : { state, events: [eventOf(message)] },
  begin: (mode) => mode === "stream" ? [commit(false)] : [],
  append: (pcm16) => JSON.stringify({ type: APPEND, audio: pcm16.toBase64() }),
  end: (mode) =>
    mode === "stream" ? [commit(true)] : [commit(false), commit(true)],
};

/** The first message must be `session.created`; the answer to it sets the session up. */
function greet(
  state: State & { greeting: SessionSettings },
  message: JsonObject,
): Step<State> {
  const type = typeOf(message);
  if (type === "error") return { state, events: [errorOf(message)] };
  if (type !== "session.created") {
    const violation =
      `the first message must be session.created: current value is ${type}`;
    return { state, events: [{ kind: "violation", message: violation }] };
  }
  const { model, extras } = state.greeting;
  const update = JSON.stringify({ ...extras, type: UPDATE, model });
  return { state: OPEN, events: [{ kind: "ready" }], send: [update] };
}

function eventOf(message: JsonObject): DialectEvent {
  const type = typeOf(message);
  switch (type) {
    case "transcription.delta":
      return {
        kind: "partial",
        text: stringOf(message.delta) ?? "",
        mode: "append",
      };
    case "transcription.done":
      return {
        kind: "done",
        text: stringOf(message.text),
        // Its prompt_tokens are those of the first segment alone.
        usage: usageOf(message.usage),
      };
    case "error":
      return errorOf(message);
    case "session.updated":
      return NOTED;
    default:
      return { kind: "ignored", type };
  }
}

/** vLLM's own form is a string with a `code` beside it; servers like it send OpenAI's object. */
function errorOf({ error, code }: JsonObject): DialectEvent {
  const inner = isObject(error) ? error : undefined;
  return {
    kind: "error",
    message: stringOf(inner ? inner.message : error) || "(no message)",
    code: codeOf(inner?.code) ?? codeOf(code) ?? codeOf(inner?.type),
  };
}

function commit(final: boolean): string {
  return JSON.stringify({ type: COMMIT, final });
}

function typeOf({ type }: JsonObject): string {
  return typeof type === "string" ? type : "(no type)";
}

function codeOf(code: unknown): string | undefined {
  return typeof code === "number" ? String(code) : stringOf(code) || undefined;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
