import type { Random } from "../random.ts";
import type { Heard } from "../speech/hearing.ts";
import type { TimedWord } from "../speech/words.ts";
import { withErrors } from "../speech/word_errors.ts";
import type { Answer, Piece } from "./answer.ts";
import type { RequestOptions } from "./options.ts";
import { tokensOf } from "./tokens.ts";

/** Words that are told together, with their times. */
export interface Segment {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly words: readonly TimedWord[];
}

/** What is said in an audio file, and how it is told. */
export interface Transcript {
  readonly durationMs: number;
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly answer: Answer;
}

/** Writes down what was heard, with errors as they are set, and cuts it as the pieces of audio are cut. */
export function transcribe(
  heard: Heard,
  { options, most, random }: {
    options: RequestOptions;
    /** The most tokens of a piece of audio. */
    most: number;
    random: Random;
  },
): Transcript {
  const { clipMs, wordErrorRate, tokensPerEvent } = options;
  const clips: TimedWord[][] = [];
  const count = Math.max(1, Math.ceil(heard.durationMs / clipMs));
  for (let i = 0; i < count; i++) clips.push([]);
  for (const word of heard.words) {
    const clip = Math.min(count - 1, Math.floor(word.startMs / clipMs));
    const texts = wordErrorRate > 0
      ? withErrors(word.text, { rate: wordErrorRate, random })
      : [word.text];
    for (const text of texts) clips[clip]!.push({ ...word, text });
  }
  const pieces: Piece[] = [];
  let spent = 0;
  for (const words of clips) {
    const clip = clipPieces(words, {
      most,
      size: tokensPerEvent,
      spent,
      isFirst: pieces.every(({ text }) => text === ""),
    });
    pieces.push(...clip.pieces);
    spent = Math.max(spent, clip.tokens);
  }
  const text = pieces.map(({ text }) => text).join("");
  const isCut = pieces.some(({ ends }) => ends === "length");
  return {
    durationMs: heard.durationMs,
    text,
    segments: clips.flatMap(segmentsOf),
    answer: {
      pieces,
      finishReason: isCut ? "length" : "stop",
      tokens: pieces.reduce((sum, { tokens }) => sum + tokens, 0),
      reasoningTokens: 0,
    },
  };
}

/** The pieces of one clip. All clips are computed at the same time, so that later ones wait for what is left of them. */
function clipPieces(
  words: readonly TimedWord[],
  { most, size, spent, isFirst }: {
    most: number;
    size: number;
    /** Token times that have passed when the clip's turn comes. */
    spent: number;
    isFirst: boolean;
  },
): { pieces: Piece[]; tokens: number } {
  const text = words.map(({ text }) => text).join(" ");
  const all = tokensOf((isFirst || text === "" ? "" : " ") + text);
  const said = all.slice(0, most);
  const pieces: Piece[] = [];
  for (let i = 0; i < said.length; i += size) {
    const group = said.slice(i, i + size);
    const ready = i + group.length;
    pieces.push({
      kind: "text",
      text: group.join(""),
      tokens: group.length,
      costs: Math.min(group.length, Math.max(0, ready - spent)),
    });
  }
  if (pieces.length === 0) {
    pieces.push({
      kind: "text",
      text: "",
      tokens: 1,
      costs: spent > 0 ? 0 : 1,
    });
  }
  const last = pieces.length - 1;
  pieces[last] = {
    ...pieces[last]!,
    ends: all.length > most ? "length" : "stop",
  };
  return { pieces, tokens: Math.max(1, said.length) };
}

/** A segment ends with a sentence, or after so many words. */
function segmentsOf(words: readonly TimedWord[]): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  for (let i = 0; i < words.length; i++) {
    const isEnd = /[.?!]$/.test(words[i]!.text) || i - from + 1 >= MAX_WORDS;
    if (!isEnd && i < words.length - 1) continue;
    const part = words.slice(from, i + 1);
    segments.push({
      startMs: part[0]!.startMs,
      endMs: words[i]!.endMs,
      text: part.map(({ text }) => text).join(" "),
      words: part,
    });
    from = i + 1;
  }
  return segments;
}

const MAX_WORDS = 12;
