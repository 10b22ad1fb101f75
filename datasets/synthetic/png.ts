import { pipeline } from "node:stream/promises";
import { crc32, createDeflate } from "node:zlib";
import { otherWork } from "./other_work.ts";

/** A picture, row by row from the top. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel; shape `[height, width, 3]`. */
  readonly rgb: Uint8Array<ArrayBuffer>;
  /** Whether the same comes again in it, so that it is worth the time to compress it. */
  readonly isRegular: boolean;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** A PNG file of 8 bits a colour. Gives way to other work every few milliseconds. */
export async function encodePng(
  { width, height, rgb, isRegular }: Pixels,
): Promise<Uint8Array<ArrayBuffer>> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits
  header.setUint8(9, 2); // red, green, blue
  const file = new Blob([
    SIGNATURE,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", await deflate(scanlines(rgb, width * 3), isRegular ? 6 : 0)),
    chunk("IEND", new Uint8Array()),
  ]);
  return new Uint8Array(await file.arrayBuffer());
}

/** The rows, each behind the byte that says that it is not filtered. */
function scanlines(
  rgb: Uint8Array<ArrayBuffer>,
  rowBytes: number,
): Uint8Array<ArrayBuffer> {
  const rows = rgb.length / rowBytes;
  const lines = new Uint8Array(rgb.length + rows);
  for (let row = 0; row < rows; row++) {
    const pixels = rgb.subarray(row * rowBytes, (row + 1) * rowBytes);
    lines.set(pixels, row * (rowBytes + 1) + 1);
  }
  return lines;
}

/** Bytes at a stretch: some milliseconds of work. */
const SLICE = 2 ** 18;

async function deflate(
  bytes: Uint8Array<ArrayBuffer>,
  level: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await pipeline(
    slicesOf(bytes),
    createDeflate({ level }),
    async (deflated: AsyncIterable<Uint8Array<ArrayBuffer>>) => {
      for await (const part of deflated) parts.push(part);
    },
  );
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function* slicesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE) {
    if (at > 0) await otherWork();
    yield bytes.subarray(at, at + SLICE);
  }
}

/** Length, type, data, and a checksum over type and data. */
function chunk(
  type: string,
  data: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}
