import { bundledClips, type ClipWord } from "../../clips/mod.ts";
import fingerprints from "./fingerprints.json" with { type: "json" };
import type { Envelope } from "./envelope.ts";
import type { KnownSound } from "./match.ts";

/** A clip that the server knows by its sound, and what is said in it. */
export interface KnownClip extends KnownSound {
  readonly durationMs: number;
  readonly words: readonly ClipWord[];
}

/** An envelope as it is kept: whole dB as signed bytes, in base64. */
export interface Fingerprint {
  readonly level: string;
  readonly tilt: string;
}

/** The bundled clips whose fingerprints are kept. */
export function knownClips(): readonly KnownClip[] {
  const kept: Readonly<Record<string, Fingerprint | undefined>> = fingerprints;
  return bundledClips.flatMap(({ id, durationMs, words }) => {
    const fingerprint = kept[id];
    if (!fingerprint) return [];
    return [{ id, durationMs, words, envelope: unpacked(fingerprint) }];
  });
}

/** An envelope in few bytes. */
export function packed({ levelDb, tiltDb }: Envelope): Fingerprint {
  return { level: pack(levelDb), tilt: pack(tiltDb) };
}

function unpacked({ level, tilt }: Fingerprint): Envelope {
  return { levelDb: unpack(level), tiltDb: unpack(tilt) };
}

function pack(decibels: readonly number[]): string {
  const bytes = Int8Array.from(
    decibels,
    (db) => Math.max(-128, Math.min(127, Math.round(db))),
  );
  return new Uint8Array(bytes.buffer).toBase64();
}

function unpack(base64: string): number[] {
  return [...new Int8Array(Uint8Array.fromBase64(base64).buffer)];
}
