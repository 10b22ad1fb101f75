/** Samples of a frame at 48 kHz for each configuration of a mode (RFC 6716 §3.1). */
const SILK = [480, 960, 1920, 2880] as const;
const HYBRID = [480, 960] as const;
const CELT = [120, 240, 480, 960] as const;

/** Samples at 48 kHz that an Opus packet holds, by its first two bytes (RFC 6716 §3.1 and §3.2). */
export function opusPacketSamples(packet: Uint8Array): number {
  const [toc, count] = packet;
  if (toc === undefined) return 0;
  return frameSamples(toc >> 3) * frames(toc & 3, count ?? 0);
}

function frameSamples(config: number): number {
  if (config < 12) return SILK[config & 3]!;
  return config < 16 ? HYBRID[config & 1]! : CELT[config & 3]!;
}

function frames(code: number, count: number): number {
  if (code === 0) return 1;
  return code < 3 ? 2 : count & 63;
}
