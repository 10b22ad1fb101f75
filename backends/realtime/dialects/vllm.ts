import {
  defineDialect,
  type Dialect,
  type DialectEvent,
  type DialectPlugin,
  type DialectSession,
  type DialectStep,
  type JsonObject,
  jsonObject,
  RequestError,
  UsageError,
} from "../../../plugins/mod.ts";
import { z } from "zod";
import { textOf } from "../../../lib/json.ts";
import { isRecord } from "../../../lib/record.ts";
import { usageOf } from "../../openai/usage.ts";

/** The settings for the session, until the server has greeted the client. */
type State = { readonly greeting: DialectSession } | { readonly open: true };

const OPEN: State = { open: true };

const APPEND = "input_audio_buffer.append";
const COMMIT = "input_audio_buffer.commit";

/**
 * The protocol of vLLM's `/v1/realtime`: the events have OpenAI's names and a flat structure.
 *
 * A commit that is not final starts the decoding; a final one ends the audio and starts nothing. So in stream mode the
 * first commit is sent before the audio. In batch mode both commits are sent after it, and nothing is decoded until all
 * audio has arrived. Valid messages are not acknowledged.
 */
export const vllmDialect: Dialect<State> = {
  path: "/v1/realtime",
  sampleRateHz: 16_000,
  handshake({ extras }) {
    if ("type" in extras || "model" in extras) {
      throw new UsageError(
        "session must not contain type or model, which the dialect vllm sets",
      );
    }
    return {};
  },
  start: (session) => ({ state: { greeting: session }, events: [] }),
  receive(state, message) {
    const json = jsonObject(message);
    return "greeting" in state
      ? greet(state, json)
      : { state, events: [eventOf(json)] };
  },
  begin: (mode) => mode === "stream" ? [commit(false)] : [],
  append: (audio) => JSON.stringify({ type: APPEND, audio: audio.toBase64() }),
  end: (mode) =>
    mode === "stream" ? [commit(true)] : [commit(false), commit(true)],
};

/** {@linkcode vllmDialect} as a plugin. */
export const vllm: DialectPlugin<Record<string, never>> = defineDialect({
  name: "vllm",
  summary: "vLLM /v1/realtime: JSON messages, 16 kHz PCM in base64",
  options: z.strictObject({}),
  open: () => vllmDialect,
});

/** The first message must be `session.created`; the answer to it sets the session up. */
function greet(
  state: State & { greeting: DialectSession },
  message: JsonObject,
): DialectStep<State> {
  const type = typeOf(message);
  if (type === "error") return { state, events: [errorOf(message)] };
  if (type !== "session.created") {
    const message =
      `The server's first message must be session.created, but was ${type}`;
    throw new RequestError("protocol_error", message);
  }
  const { model, extras } = state.greeting;
  const update = { ...extras, type: "session.update", model };
  return {
    state: OPEN,
    events: [{ kind: "ready", sessionId: textOf(message.id) }],
    send: [JSON.stringify(update)],
  };
}

function eventOf(message: JsonObject): DialectEvent {
  const type = typeOf(message);
  switch (type) {
    case "transcription.delta":
      return {
        kind: "partial",
        text: textOf(message.delta) ?? "",
        mode: "append",
      };
    case "transcription.done":
      return {
        kind: "done",
        text: textOf(message.text),
        // Its prompt_tokens are those of the first segment only.
        usage: usageOf(message.usage),
      };
    case "error":
      return errorOf(message);
    case "session.updated":
      return { kind: "noted" };
    default:
      return { kind: "ignored", type };
  }
}

/** vLLM sends a string and a `code` next to it; similar servers send OpenAI's object. */
function errorOf({ error, code }: JsonObject): DialectEvent {
  const inner = isRecord(error) ? error : undefined;
  return {
    kind: "error",
    message: textOf(inner ? inner.message : error) || "(no message)",
    code: codeOf(inner?.code) ?? codeOf(code) ?? codeOf(inner?.type),
  };
}

function commit(final: boolean): string {
  return JSON.stringify({ type: COMMIT, final });
}

function typeOf({ type }: JsonObject): string {
  return textOf(type) ?? "(no type)";
}

function codeOf(code: unknown): string | undefined {
  return typeof code === "number" ? String(code) : textOf(code) || undefined;
}
