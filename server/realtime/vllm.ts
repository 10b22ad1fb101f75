import { type Connection, errorEvent, type Protocol } from "./connection.ts";
import { hashAudio } from "../log.ts";
import type { KnownClip } from "../speech/known_clips.ts";
import { createTranscriber } from "../speech/transcriber.ts";
import {
  generate,
  type Generation,
  type GenerationUsage,
  segmentModel,
  tokenModel,
} from "./generation.ts";
import { pythonStr, pythonType } from "./python.ts";
import type { Seats } from "../seats.ts";
import {
  audioProblem,
  doneEvent,
  type Event,
  finalProblem,
  pythonBool,
  samplesOf,
} from "./vllm_events.ts";

/** What all sessions of a server share. */
export interface VllmHost {
  /** Names that `session.update` takes. */
  readonly models: readonly string[];
  readonly seats: Seats;
  readonly clips: readonly KnownClip[];
}

/** The dialect of vLLM's `/v1/realtime`. */
export function vllmRealtime(
  connection: Connection,
  host: VllmHost,
): Protocol {
  const { options, clock } = connection;
  const noDeltas = connection.fault("no-deltas") !== undefined;
  /** Audio, and `undefined` for each final commit, that no generation has taken yet. */
  let queue: (Int16Array | undefined)[] = [];
  let generation: Generation | undefined;
  let audioEnded = false;
  let validated = false;
  let samplesHeard = 0;
  let audioHash: number | undefined;
  let appends = 0;
  let deltas = 0;
  let utterances = 0;
  let text = "";

  function fail(message: string, code: string): void {
    connection.send("error", errorEvent(message, code));
  }

  function created(): void {
    if (connection.reached("created")) return;
    const created = Math.floor(clock.now() / 1000);
    connection.send(
      "session.created",
      JSON.stringify({ type: "session.created", id: connection.id, created }),
    );
  }

  function update(event: Event): void {
    connection.received("session.update");
    const { model } = event;
    if (model === undefined || model === null) {
      return fail("Missing required field: model", "invalid_event");
    }
    if (model !== "" && !host.models.includes(model as string)) {
      return fail(
        `The model \`${pythonStr(model)}\` does not exist.`,
        "model_not_found",
      );
    }
    validated = true;
    connection.reached("update");
  }

  function append(event: Event): void {
    const samples = samplesOf(event.audio);
    if (samples) {
      samplesHeard += samples.length;
      audioHash = hashAudio(samples, audioHash);
    }
    connection.received("input_audio_buffer.append", {
      audioMs: samplesHeard / SAMPLE_RATE_HZ * 1000,
      ...(audioHash !== undefined && { audioHash }),
    });
    if (!samples) {
      const problem = audioProblem(event);
      return problem
        ? fail(problem, "processing_error")
        : fail("Invalid audio data", "invalid_audio");
    }
    connection.reached(`appends:${++appends}`);
    queue.push(samples);
    feed();
  }

  function commit(event: Event): void {
    const final = "final" in event ? pythonBool(event.final) : false;
    connection.received(
      final ? "input_audio_buffer.commit final" : "input_audio_buffer.commit",
    );
    if (!validated) return fail(NOT_VALIDATED, "model_not_validated");
    if (final === undefined) {
      return fail(finalProblem(event.final), "processing_error");
    }
    if (final) {
      connection.reached("final");
      queue.push(undefined);
      feed();
    } else {
      connection.reached("commit");
      if (!generation) start();
    }
  }

  function start(): void {
    text = "";
    audioEnded = false;
    const random = connection.random(`generation ${++utterances}`);
    generation = generate({
      options,
      clock,
      random,
      seats: host.seats,
      sampleRateHz: SAMPLE_RATE_HZ,
      transcriber: createTranscriber({
        clips: host.clips,
        options,
        sampleRateHz: SAMPLE_RATE_HZ,
        random: connection.random(`words ${utterances}`),
      }),
      at: connection.at,
      delta,
      done,
      failed,
    }, options.mode === "segments" ? segmentModel : tokenModel);
    feed();
  }

  /** Hands the queue on to the generation, up to the first final commit. */
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
    if (noDeltas) return;
    connection.send(
      "transcription.delta",
      piece === ""
        ? EMPTY_DELTA
        : JSON.stringify({ type: "transcription.delta", delta: piece }),
      piece.length,
    );
    connection.reached(`deltas:${++deltas}`);
  }

  function done(usage: GenerationUsage): void {
    if (!connection.reached("done")) {
      const json = doneEvent(
        connection.fault("no-text") ? undefined : text,
        usage,
      );
      const times = connection.fault("duplicate") ? 2 : 1;
      for (let i = 0; i < times; i++) {
        connection.send("transcription.done", json, text.length);
      }
    }
    over();
    connection.reached("after-done");
  }

  function failed(message: string): void {
    fail(message, "processing_error");
    over();
  }

  /** What came behind the end of the utterance is lost. */
  function over(): void {
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
    connection.received(pythonStr(event.type).slice(0, MAX_TYPE_LENGTH));
    fail(`Unknown event type: ${pythonStr(event.type)}`, "unknown_event");
  }

  if (options.createdDelayMs <= 0) created();
  else connection.at(clock.now() + options.createdDelayMs, created);
  return {
    text(message) {
      let event: unknown;
      try {
        event = JSON.parse(message);
      } catch {
        connection.received("(bad json)");
        return fail("Invalid JSON", "invalid_json");
      }
      const kind = pythonType(event);
      if (kind === "dict") return dispatch(event as Event);
      connection.received("(no object)");
      fail(`'${kind}' object has no attribute 'get'`, "processing_error");
    },
    binary() {
      connection.received("(binary)");
      connection.drop();
    },
    closed() {
      generation?.cancel();
      over();
    },
  };
}

const SAMPLE_RATE_HZ = 16_000;
const EMPTY_DELTA = '{"type":"transcription.delta","delta":""}';
const NOT_VALIDATED =
  "Model not validated. Make sure to validate the model by sending a session.update event.";
/** Of a type that a client made up, as the log keeps it. */
const MAX_TYPE_LENGTH = 100;
