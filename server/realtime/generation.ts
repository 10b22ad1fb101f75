import type { Random } from "../../lib/random.ts";
import type { Options } from "../settings.ts";
import {
  createTranscriber,
  SAMPLE_RATE_HZ,
  type Transcriber,
} from "../speech.ts";
import type { Connection } from "./connection.ts";

/** The decoding of one utterance, from the starting commit to done. */
export type Generation = ReturnType<typeof generate>;

/** An utterance to decode, and the receiver of its output. */
export interface Utterance {
  readonly connection: Connection;
  /** Number of the utterance in its session, from 1. */
  readonly number: number;
  delta(text: string): void;
  done(usage: GenerationUsage): void;
  failed(message: string): void;
}

/** Tokens of an utterance. */
export interface GenerationUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A piece of output, and the time to compute it. */
interface Step {
  readonly costMs: number;
  readonly tokens: number;
  readonly text: string;
}

/** Turns audio into output. */
interface Model {
  readonly promptTokens: number;
  /** The next step, undefined while it needs more audio, or `"end"` after the last one. */
  next(audioMs: number, ended: boolean): Step | "end" | undefined;
}

/** Decodes an utterance: steps come one after the other, each when its audio is there and its compute time has passed. */
export function generate({ connection, number, ...output }: Utterance) {
  const { options, clock, host, at } = connection;
  const random = connection.random(`generation ${number}`);
  const words = connection.random(`words ${number}`);
  const transcriber = createTranscriber(options, words);
  const isSegments = options.mode === "segments";
  const createModel = isSegments ? segmentModel : tokenModel;
  const model = createModel(options, transcriber, random);
  let samples = 0;
  let ended = false;
  let isOver = false;
  let isSeated = false;
  let completionTokens = 0;
  let freeAtMs = 0;
  let cancelStep: (() => void) | undefined;
  const audioMs = () => samples / SAMPLE_RATE_HZ * 1000;
  const leave = host.seats.take(() => {
    isSeated = true;
    advance(clock.now());
  });

  function finish(): void {
    isOver = true;
    cancelStep?.();
    leave();
  }

  function emit(step: Step): void {
    cancelStep = undefined;
    completionTokens += step.tokens;
    output.delta(step.text);
  }

  /** Decodes what the audio allows, the first step from `fromMs` on: late timers do not add up. */
  function advance(fromMs: number): void {
    while (isSeated && !isOver && !cancelStep) {
      const step = model.next(audioMs(), ended);
      if (step === undefined) return;
      if (step === "end") {
        finish();
        const { promptTokens } = model;
        return output.done({ promptTokens, completionTokens });
      }
      freeAtMs = Math.max(freeAtMs, fromMs) + step.costMs;
      if (step.costMs <= 0) emit(step);
      else {
        cancelStep = at(freeAtMs, () => {
          emit(step);
          advance(freeAtMs);
        });
      }
    }
  }

  return {
    /** Takes more audio. */
    audio(more: Int16Array): void {
      samples += more.length;
      transcriber.audio(more);
      advance(clock.now());
    },
    /** Ends the audio: the final commit. */
    end(): void {
      ended = true;
      if (samples === 0) {
        finish();
        return output.done({ promptTokens: 0, completionTokens: 0 });
      }
      if (isSegments && audioMs() < MIN_SEGMENT_MS) {
        finish();
        return output.failed(
          `Failed to apply the processor on data of ${samples} samples`,
        );
      }
      transcriber.end();
      advance(clock.now());
    },
    cancel: finish,
  };
}

/** The processor of segment models fails on less audio than one window of the spectrum. */
const MIN_SEGMENT_MS = 25;
const FRAME_MS = 80;
/** A token needs a little more audio than its frame, for the window of the spectrum. */
const LOOKAHEAD_MS = 10;

/** As voxtral: a token per frame of audio, most of them silent, and some more after the audio. */
function tokenModel(
  options: Options,
  transcriber: Transcriber,
  random: Random,
): Model {
  const { promptTokens, leftPadTokens, rightPadTokens, tokenMs } = options;
  const ownTokens = Math.max(1, promptTokens - leftPadTokens);
  const limit = Math.max(0, options.maxModelLen - promptTokens);
  let given = 0;

  function decodable(audioMs: number, ended: boolean): number {
    const frames = ended
      ? Math.ceil(audioMs / FRAME_MS) + rightPadTokens - ownTokens
      : Math.floor((audioMs - LOOKAHEAD_MS) / FRAME_MS) - ownTokens + 1;
    return Math.min(limit, Math.max(0, frames));
  }

  return {
    promptTokens,
    next(audioMs, ended) {
      const ready = decodable(audioMs, ended);
      if (given >= ready) {
        return ended || given >= limit ? "end" : undefined;
      }
      given++;
      const tokenEndMs = (given + ownTokens - 1) * FRAME_MS;
      const isLast = ended && given === ready && given < limit;
      const isFinal = tokenEndMs + LOOKAHEAD_MS > audioMs;
      const baseMs = isFinal ? options.finalTokenMs ?? tokenMs : tokenMs;
      return {
        costMs: baseMs + random() * options.tokenJitterMs,
        tokens: 1,
        text: isLast ? transcriber.rest() : transcriber.next(tokenEndMs),
      };
    },
  };
}

/** As qwen3-asr: nothing until a segment is full, then all its words at once. */
function segmentModel(
  options: Options,
  transcriber: Transcriber,
  random: Random,
): Model {
  const { segmentMs, tokensPerDelta, segmentPrefix } = options;
  const burst: string[] = [];
  let promptTokens = 0;
  let closedMs = 0;
  let tokens = 0;

  function closeSegment(audioMs: number, ended: boolean): void {
    const fromMs = closedMs;
    closedMs = Math.min(closedMs + segmentMs, audioMs);
    if (fromMs === 0) promptTokens = 10 + Math.round(closedMs / 1000 * 13);
    if (segmentPrefix) burst.push(segmentPrefix);
    for (let word; (word = transcriber.next(closedMs)) !== "";) {
      burst.push(word);
    }
    const rest = ended && closedMs >= audioMs ? transcriber.rest() : "";
    if (rest) burst.push(rest);
    if (burst.length === 0) burst.push("");
  }

  return {
    get promptTokens() {
      return promptTokens;
    },
    next(audioMs, ended) {
      const isFull = audioMs >= closedMs + segmentMs;
      if (burst.length === 0 && (isFull || (ended && audioMs > closedMs))) {
        closeSegment(audioMs, ended);
      }
      const text = burst.shift();
      if (tokens + promptTokens >= options.maxModelLen) return "end";
      if (text === undefined) return ended ? "end" : undefined;
      tokens += tokensPerDelta;
      const tokenMs = options.tokenMs + random() * options.tokenJitterMs;
      return { costMs: tokensPerDelta * tokenMs, tokens: tokensPerDelta, text };
    },
  };
}
