import { createEnvelopeMeter, type Envelope, FRAME_MS } from "./envelope.ts";
import type { KnownClip } from "./known_clips.ts";
import { bestMatch, type Match } from "./match.ts";
import { type TimedWord, wordsOfSound } from "./words.ts";
import type { Random } from "../random.ts";

/** Hears audio and finds the words in it. */
export interface Recognizer {
  /** More audio; tells of each word found, in order, never before it has begun to sound. */
  audio(samples: Int16Array): void;
  /** There is no more: decides what is undecided. */
  end(): void;
}

/**
 * Knows clips by their sound, one after the other, whatever stands between them; other sound gives words of no
 * language at the pace of speech. Nothing is told of a stretch of sound until it is decided what it is.
 */
export function createRecognizer(
  clips: readonly KnownClip[],
  { sampleRateHz, random, wordsPerSecond, found }: {
    sampleRateHz: number;
    random: Random;
    wordsPerSecond: number;
    found: (word: TimedWord) => void;
  },
): Recognizer {
  const frameSamples = Math.round(sampleRateHz * FRAME_MS / 1000);
  let heardFrames = 0;
  let skipSamples = 0;
  let stretch = startStretch();

  /** A stretch of sound, from a start in the audio on, of which it is to be decided what it is. */
  function startStretch() {
    const meter = createEnvelopeMeter(sampleRateHz);
    return {
      startFrame: heardFrames,
      meter,
      loudFrames: 0,
      quietFrames: 0,
      pseudo: undefined as ReturnType<typeof wordsOfSound> | undefined,
    };
  }

  function frame(): void {
    heardFrames++;
    const { levelDb } = stretch.meter.envelope;
    const level = levelDb[levelDb.length - 1]!;
    const isLoud = level > SOUND_DB;
    if (isLoud) {
      stretch.loudFrames++;
      stretch.quietFrames = 0;
    } else stretch.quietFrames++;
    if (stretch.pseudo) {
      stretch.pseudo(level);
      if (stretch.quietFrames >= PAUSE_FRAMES) stretch = startStretch();
    } else if (stretch.loudFrames === 0) forgetSilence();
    else if (isDue(stretch.meter.envelope)) decide(false);
  }

  /** Keeps the last half second before the first sound. */
  function forgetSilence(): void {
    const { levelDb, tiltDb } = stretch.meter.envelope;
    if (levelDb.length <= LEAD_FRAMES) return;
    levelDb.shift();
    tiltDb.shift();
    stretch.startFrame++;
  }

  function isDue({ levelDb }: Envelope): boolean {
    return stretch.loudFrames >= FIRST_LOUD_FRAMES &&
      levelDb.length % DECIDE_EVERY_FRAMES === 0;
  }

  function decide(ended: boolean): void {
    const match = recognize(stretch.meter.envelope, clips);
    const last = ended || stretch.loudFrames >= LAST_LOUD_FRAMES;
    if (match && isSure(match, last)) saysClip(match);
    else if (last) saysPseudoWords();
  }

  function saysClip({ sound, offsetFrames }: Match<KnownClip>): void {
    const startMs = (stretch.startFrame + offsetFrames) * FRAME_MS;
    for (const { text, startMs: from, endMs } of sound.words) {
      found({ text, startMs: startMs + from, endMs: startMs + endMs });
    }
    const endFrame = stretch.startFrame + offsetFrames +
      Math.floor(sound.durationMs / FRAME_MS);
    skipSamples = Math.max(0, endFrame - heardFrames) * frameSamples;
    heardFrames = Math.max(heardFrames, endFrame);
    stretch = startStretch();
  }

  function saysPseudoWords(): void {
    stretch.pseudo = wordsOfSound(stretch.startFrame, {
      random,
      wordsPerSecond,
      found,
    });
    for (const level of stretch.meter.envelope.levelDb) stretch.pseudo(level);
  }

  return {
    audio(samples) {
      let i = Math.min(skipSamples, samples.length);
      skipSamples -= i;
      while (i < samples.length) {
        const frames = stretch.meter.envelope.levelDb.length;
        const { meter } = stretch;
        i = meter.take(samples, i);
        if (meter.envelope.levelDb.length === frames) continue;
        frame();
        const skipped = Math.min(skipSamples, samples.length - i);
        skipSamples -= skipped;
        i += skipped;
      }
    },
    end() {
      if (!stretch.pseudo && stretch.loudFrames > 0) decide(true);
    },
  };
}

/** The clip that fits best: as it stands if that will do, else at any offset. */
function recognize(
  heard: Envelope,
  clips: readonly KnownClip[],
): Match<KnownClip> | undefined {
  const exact = bestMatch(heard, clips, { from: 0, to: 0 });
  if (exact && exact.distanceDb < EXACT_DB && isSure(exact, false)) {
    return exact;
  }
  return bestMatch(heard, clips, {
    from: -MAX_CUT_FRAMES,
    to: MAX_LEAD_FRAMES,
  });
}

/** Whether the match is good, and better than any other. */
function isSure(
  { distanceDb, nextDb }: Match<KnownClip>,
  isLast: boolean,
): boolean {
  return distanceDb < SAME_DB && nextDb > distanceDb + (isLast ? 0 : MARGIN_DB);
}

/** What is louder is sound. */
const SOUND_DB = -50;
/** A pause of that length ends a stretch of unknown sound. */
const PAUSE_FRAMES = 30;
/** Silence before a clip's first sound that is kept to compare. */
const LEAD_FRAMES = 25;
/** Sound needed before the first decision, and at the latest one. */
const FIRST_LOUD_FRAMES = 15;
const LAST_LOUD_FRAMES = 75;
const DECIDE_EVERY_FRAMES = 5;
/** A clip may begin this much before or behind the stretch that it is in. */
const MAX_CUT_FRAMES = 15;
const MAX_LEAD_FRAMES = 30;
/** Distances: of a copy without change, of a copy at all, to the next best. */
const EXACT_DB = 1.5;
const SAME_DB = 4;
const MARGIN_DB = 1.5;
