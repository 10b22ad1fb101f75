/**
 * A WAV file of mono PCM16.
 *
 * @throws {RangeError} where the rate is no whole number from 1
 */
export function encodeWav(
  pcm16: Int16Array,
  sampleRateHz: number,
): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(sampleRateHz) || sampleRateHz < 1) {
    const message =
      `Cannot encode WAV as its rate must be a whole number of Hz: current value is ${sampleRateHz}`;
    throw new RangeError(message);
  }
  const dataBytes = pcm16.length * 2;
  const view = new DataView(new ArrayBuffer(44 + dataBytes));
  putAscii(view, 0, "RIFF");
  view.setUint32(4, 36 + dataBytes, true);
  putAscii(view, 8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  putAscii(view, 36, "data");
  view.setUint32(40, dataBytes, true);
  // Little-endian in the file, as every machine is that Deno runs on.
  new Int16Array(view.buffer, 44).set(pcm16);
  return new Uint8Array(view.buffer);
}

function putAscii(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) {
    view.setUint8(at + i, text.charCodeAt(i));
  }
}
