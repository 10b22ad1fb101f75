import type { ServerClock } from "../clock.ts";
import type { SessionOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { Transcriber } from "../speech/transcriber.ts";
import type { Seats } from "../seats.ts";

/** Decoding of one utterance, from the starting commit to done. */
export interface Generation {
  /** More audio. */
  audio(samples: Int16Array): void;
  /** The final commit: there is no more. */
  end(): void;
  /** Gives it up. */
  cancel(): void;
}

/** What a generation works with, and whom it tells. */
export interface GenerationHost {
  readonly options: SessionOptions;
  readonly clock: ServerClock;
  readonly seats: Seats;
  readonly transcriber: Transcriber;
  readonly random: Random;
  readonly sampleRateHz: number;
  at(atMs: number, task: () => void): () => void;
  delta(text: string): void;
  done(usage: GenerationUsage): void;
  failed(message: string): void;
}

/** Tokens of an utterance. */
export interface GenerationUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A piece of output that the audio heard so far allows. */
export interface Step {
  readonly costMs: number;
  readonly tokens: number;
  readonly text: string;
}

/** How a model turns audio into output. */
export interface Model {
  readonly promptTokens: number;
  /** The next piece, if there is enough audio for it; `"end"` behind the last one. */
  next(heard: Heard): Step | "end" | undefined;
}

/** The audio so far. */
export interface Heard {
  readonly audioMs: number;
  readonly ended: boolean;
}

/** Starts to decode: pieces come out one behind the other, each when its audio is there and its time is spent. */
export function generate(
  host: GenerationHost,
  createModel: (host: GenerationHost) => Model,
): Generation {
  const model = createModel(host);
  let samples = 0;
  let ended = false;
  let over = false;
  let seated = false;
  let completionTokens = 0;
  let freeAtMs = 0;
  let cancelStep: (() => void) | undefined;
  const leave = host.seats.take(() => {
    seated = true;
    pump(host.clock.now());
  });

  function finish(): void {
    over = true;
    cancelStep?.();
    leave();
  }

  function emit(step: Step): void {
    cancelStep = undefined;
    completionTokens += step.tokens;
    host.delta(step.text);
  }

  /** Decodes what the audio allows, the first piece from `fromMs` on: late timers do not add up. */
  function pump(fromMs: number): void {
    while (seated && !over && !cancelStep) {
      const step = model.next({
        audioMs: samples / host.sampleRateHz * 1000,
        ended,
      });
      if (step === undefined) return;
      if (step === "end") {
        finish();
        return host.done({
          promptTokens: model.promptTokens,
          completionTokens,
        });
      }
      freeAtMs = Math.max(freeAtMs, fromMs) + step.costMs;
      if (step.costMs <= 0) emit(step);
      else {
        cancelStep = host.at(freeAtMs, () => {
          emit(step);
          pump(freeAtMs);
        });
      }
    }
  }

  return {
    audio(more) {
      samples += more.length;
      host.transcriber.audio(more);
      pump(host.clock.now());
    },
    end() {
      ended = true;
      if (samples === 0) {
        finish();
        return host.done({ promptTokens: 0, completionTokens: 0 });
      }
      const audioMs = samples / host.sampleRateHz * 1000;
      if (host.options.mode === "segments" && audioMs < MIN_SEGMENT_MS) {
        finish();
        return host.failed(
          `Failed to apply the processor on data of ${samples} samples`,
        );
      }
      host.transcriber.end();
      pump(host.clock.now());
    },
    cancel: finish,
  };
}

/** Less than one window of the spectrum makes the segment models' processor fail. */
const MIN_SEGMENT_MS = 25;

/** One token per frame of audio, most of them silent, and some more behind the audio: voxtral. */
export function tokenModel(host: GenerationHost): Model {
  const { options, transcriber } = host;
  const { promptTokens, leftPadTokens, rightPadTokens } = options;
  const ownTokens = Math.max(1, promptTokens - leftPadTokens);
  const limit = Math.max(0, options.maxModelLen - promptTokens);
  let given = 0;

  function decodable({ audioMs, ended }: Heard): number {
    const frames = ended
      ? Math.ceil(audioMs / FRAME_MS) + rightPadTokens - ownTokens
      : Math.floor((audioMs - LOOKAHEAD_MS) / FRAME_MS) - ownTokens + 1;
    return Math.min(limit, Math.max(0, frames));
  }

  return {
    promptTokens,
    next(heard) {
      const ready = decodable(heard);
      if (given >= ready) {
        return heard.ended || given >= limit ? "end" : undefined;
      }
      given++;
      const tokenEndMs = (given + ownTokens - 1) * FRAME_MS;
      const isLast = heard.ended && given === ready && given < limit;
      const base = tokenEndMs + LOOKAHEAD_MS > heard.audioMs
        ? options.finalTokenMs
        : options.tokenMs;
      return {
        costMs: base + host.random() * options.tokenJitterMs,
        tokens: 1,
        text: isLast ? transcriber.rest() : transcriber.next(tokenEndMs),
      };
    },
  };
}

/** Nothing until a segment is full, then all its words at once: qwen3-asr. */
export function segmentModel(host: GenerationHost): Model {
  const { options, transcriber } = host;
  const { segmentMs, tokensPerDelta, segmentPrefix } = options;
  const burst: string[] = [];
  let promptTokens = 0;
  let closedMs = 0;
  let tokens = 0;

  function closeSegment(heard: Heard): void {
    const fromMs = closedMs;
    closedMs = Math.min(closedMs + segmentMs, heard.audioMs);
    const inTokens = 10 + Math.round((closedMs - fromMs) / 1000 * 13);
    if (fromMs === 0) promptTokens = inTokens;
    if (segmentPrefix) burst.push(segmentPrefix);
    for (let word; (word = transcriber.next(closedMs)) !== "";) {
      burst.push(word);
    }
    if (heard.ended && closedMs >= heard.audioMs) {
      const rest = transcriber.rest();
      if (rest) burst.push(rest);
    }
    if (burst.length === 0) burst.push("");
  }

  return {
    get promptTokens() {
      return promptTokens;
    },
    next(heard) {
      const { audioMs, ended } = heard;
      if (
        burst.length === 0 &&
        (audioMs >= closedMs + segmentMs || (ended && audioMs > closedMs))
      ) closeSegment(heard);
      const text = burst.shift();
      if (tokens + promptTokens >= options.maxModelLen) return "end";
      if (text === undefined) return ended ? "end" : undefined;
      tokens += tokensPerDelta;
      return {
        costMs: tokensPerDelta *
          (options.tokenMs + host.random() * options.tokenJitterMs),
        tokens: tokensPerDelta,
        text,
      };
    },
  };
}

const FRAME_MS = 80;

/** A token needs a little more audio than its frame, for the window of the spectrum. */
const LOOKAHEAD_MS = 10;
