import { hashAudio } from "../log.ts";
import { SAMPLE_RATE_HZ } from "../speech.ts";
import type { Connection } from "./connection.ts";
import {
  generate,
  type Generation,
  type GenerationUsage,
} from "./generation.ts";

/** An event of the client: a JSON object. */
type Event = Readonly<Record<string, unknown>>;

/** Speaks vLLM's `/v1/realtime` over a connection. */
export function vllmRealtime(connection: Connection) {
  const { options, clock, faults, fail } = connection;
  const hasDeltas = faults.every((fault) => fault.do !== "no-deltas");
  /** Audio, and `undefined` for each final commit, that no generation has taken yet. */
  let queue: (Int16Array | undefined)[] = [];
  let generation: Generation | undefined;
  let audioEnded = false;
  let hasModel = false;
  let samplesReceived = 0;
  let audioHash: number | undefined;
  let appends = 0;
  let deltas = 0;
  let utterances = 0;
  let text = "";

  function greet(): void {
    if (connection.reached("created")) return;
    const { id } = connection;
    const created = Math.floor(clock.now() / 1000);
    const event = { type: "session.created", id, created };
    connection.send(event.type, JSON.stringify(event));
  }

  function update({ model }: Event): void {
    connection.received("session.update");
    if (model === undefined || model === null) {
      return fail("Missing required field: model", "invalid_event");
    }
    if (model !== "" && !connection.host.models.includes(model as string)) {
      const message = `The model \`${pythonStr(model)}\` does not exist.`;
      return fail(message, "model_not_found");
    }
    hasModel = true;
    connection.reached("update");
  }

  function append(event: Event): void {
    const samples = samplesOf(event.audio);
    if (samples) {
      samplesReceived += samples.length;
      audioHash = hashAudio(samples, audioHash);
    }
    connection.received("input_audio_buffer.append", {
      audioMs: samplesReceived / SAMPLE_RATE_HZ * 1000,
      audioHash,
    });
    if (!samples) {
      return typeof event.audio === "string"
        ? fail("Invalid audio data", "invalid_audio")
        : fail(audioProblem(event), "processing_error");
    }
    connection.reached(`appends:${++appends}`);
    queue.push(samples);
    feed();
  }

  function commit(event: Event): void {
    const final = "final" in event ? pydanticBool(event.final) : false;
    connection.received(
      final ? "input_audio_buffer.commit final" : "input_audio_buffer.commit",
    );
    if (!hasModel) return fail(NOT_VALIDATED, "model_not_validated");
    if (final === undefined) {
      return fail(finalProblem(event.final), "processing_error");
    }
    connection.reached(final ? "final" : "commit");
    if (final) {
      queue.push(undefined);
      feed();
    } else if (!generation) start();
  }

  function start(): void {
    text = "";
    audioEnded = false;
    generation = generate({
      connection,
      number: ++utterances,
      delta,
      done,
      failed(message) {
        fail(message, "processing_error");
        finish();
      },
    });
    feed();
  }

  /** Hands the queue to the generation, up to the first final commit. */
  function feed(): void {
    let taken = 0;
    while (generation && !audioEnded && taken < queue.length) {
      const item = queue[taken++];
      if (item) generation.audio(item);
      else {
        audioEnded = true;
        generation.end();
      }
    }
    if (taken > 0) queue.splice(0, taken);
  }

  function delta(piece: string): void {
    text += piece;
    if (!hasDeltas) return;
    const event = { type: "transcription.delta", delta: piece };
    const json = piece === "" ? EMPTY_DELTA : JSON.stringify(event);
    connection.send(event.type, json, piece.length);
    connection.reached(`deltas:${++deltas}`);
  }

  function done({ promptTokens, completionTokens }: GenerationUsage): void {
    if (!connection.reached("done")) {
      const type = "transcription.done";
      const usage = {
        prompt_tokens: promptTokens,
        total_tokens: promptTokens + completionTokens,
        completion_tokens: completionTokens,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      };
      connection.send(type, JSON.stringify({ type, text, usage }), text.length);
    }
    finish();
    connection.reached("after-done");
  }

  /** Ends the utterance. Events that came after its final commit are lost. */
  function finish(): void {
    generation = undefined;
    queue = [];
  }

  function dispatch(event: Event): void {
    switch (event.type) {
      case "session.update":
        return update(event);
      case "input_audio_buffer.append":
        return append(event);
      case "input_audio_buffer.commit":
        return commit(event);
    }
    const type = pythonStr(event.type);
    connection.received(type.slice(0, MAX_TYPE_LENGTH));
    fail(`Unknown event type: ${type}`, "unknown_event");
  }

  if (options.createdDelayMs <= 0) greet();
  else connection.at(clock.now() + options.createdDelayMs, greet);
  return {
    /** Handles a text frame. */
    text(message: string): void {
      let event: unknown;
      try {
        event = JSON.parse(message);
      } catch {
        connection.received("(bad json)");
        return fail("Invalid JSON", "invalid_json");
      }
      const type = pythonType(event);
      if (type === "dict") return dispatch(event as Event);
      connection.received("(no object)");
      fail(`'${type}' object has no attribute 'get'`, "processing_error");
    },
    /** Handles a binary frame. */
    binary(): void {
      connection.received("(binary)");
      connection.drop();
    },
    /** Handles the end of the connection. */
    closed(): void {
      generation?.cancel();
      finish();
    },
  };
}

const EMPTY_DELTA = '{"type":"transcription.delta","delta":""}';
const NOT_VALIDATED =
  "Model not validated. Make sure to validate the model by sending a session.update event.";
/** Longest type in the log, as clients can send any. */
const MAX_TYPE_LENGTH = 100;

/** Reads base64 of PCM16; undefined if it is something else, or empty. */
function samplesOf(audio: unknown): Int16Array | undefined {
  if (typeof audio !== "string" || audio === "") return undefined;
  try {
    const bytes = Uint8Array.fromBase64(audio, { lastChunkHandling: "strict" });
    return bytes.length % 2 === 0 ? new Int16Array(bytes.buffer) : undefined;
  } catch {
    return undefined;
  }
}

/** The error for an append whose audio is not a string. */
function audioProblem(event: Event): string {
  const finding = "audio" in event
    ? {
      message: "Input should be a valid string",
      kind: "string_type",
      input: event.audio,
    }
    : { message: "Field required", kind: "missing", input: event };
  return pydanticError("InputAudioBufferAppend", "audio", finding);
}

/** The error for a `final` that is not a boolean. */
function finalProblem(final: unknown): string {
  const isScalar = typeof final === "string" || typeof final === "number";
  return pydanticError("InputAudioBufferCommit", "final", {
    message: `Input should be a valid boolean${
      isScalar ? ", unable to interpret input" : ""
    }`,
    kind: isScalar ? "bool_parsing" : "bool_type",
    input: final,
  });
}

// Values and errors as Python and pydantic print them: vLLM's messages are made of these.

/** Prints a JSON value as Python's `repr()` does. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    return value.includes("'") && !value.includes('"')
      ? `"${escaped}"`
      : `'${escaped.replaceAll("'", "\\'")}'`;
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  const fields = Object.entries(value).map((entry) =>
    entry.map(pythonRepr).join(": ")
  );
  return `{${fields.join(", ")}}`;
}

/** Prints a JSON value as Python's `str()` does. */
export function pythonStr(value: unknown): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** The Python type of a JSON value. */
export function pythonType(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") {
    return Number.isInteger(value) ? "int" : "float";
  }
  return { boolean: "bool", string: "str" }[typeof value as string] ?? "dict";
}

/** Prints a `ValidationError` about one field. */
export function pydanticError(
  model: string,
  field: string,
  { message, kind, input }: { message: string; kind: string; input: unknown },
): string {
  const repr = pythonRepr(input);
  // pydantic shows at most 50 characters of a value: its ends.
  const shown = repr.length > 50
    ? `${repr.slice(0, 25)}...${repr.slice(-24)}`
    : repr;
  return `1 validation error for ${model}\n${field}\n  ${message} [type=${kind}, input_value=${shown}, input_type=${
    pythonType(input)
  }]\n    For further information visit https://errors.pydantic.dev/2.14/v/${kind}`;
}

/** Reads a boolean as leniently as pydantic does; undefined if it refuses the value. */
export function pydanticBool(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const word = String(value).toLowerCase();
  if (["1", "true", "t", "yes", "y", "on"].includes(word)) return true;
  if (["0", "false", "f", "no", "n", "off"].includes(word)) return false;
  return undefined;
}
