import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { crc32, createDeflate } from "node:zlib";
import { yieldToEventLoop } from "../../lib/event_loop.ts";
import { type Image, type Random, random } from "../../plugins/mod.ts";

/** An image to make. */
export interface SyntheticImageOptions {
  readonly id: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  readonly content: "gradient" | "noise";
  readonly seed: number;
}

/** A PNG image of a gradient or noise. It is made each time it is needed, and is always the same. */
export function syntheticImage(options: SyntheticImageOptions): Image {
  const { id } = options;
  return {
    id,
    file: async () => ({
      bytes: await oneAtATime(() => drawPng(options)),
      mediaType: "image/png",
      name: `${id}.png`,
    }),
  };
}

let last: Promise<unknown> = Promise.resolve();

/** Makes one image after the other: many at once would hold all their pixels and leave no time for other work. */
function oneAtATime<T>(make: () => Promise<T>): Promise<T> {
  const made = last.then(make);
  last = made.catch(() => {});
  return made;
}

async function drawPng(
  options: SyntheticImageOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, content } = options;
  const lines = await drawLines(options);
  // Noise cannot be compressed.
  return await encodePng({ width, height, lines }, content === "noise" ? 0 : 6);
}

/** Writes the red, green and blue of a pixel at a place in a line. Called from left to right, line by line. */
type Paint = (x: number, y: number, line: Uint8Array, at: number) => void;

/** Pixels drawn between two pauses: some milliseconds of work. */
const SLICE_PIXELS = 2 ** 17;

/** Draws the lines of a PNG file: a byte 0 (no filter), then three bytes a pixel. */
async function drawLines(
  options: SyntheticImageOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, content, seed, id } = options;
  const draw = random(seed, `synthetic/image/${id}`);
  const paint = content === "noise" ? noise(draw) : gradient(draw, options);
  const lineBytes = 1 + 3 * width;
  const lines = new Uint8Array(lineBytes * height);
  for (let i = 0; i < width * height; i++) {
    if (i > 0 && i % SLICE_PIXELS === 0) await yieldToEventLoop();
    const [x, y] = [i % width, Math.floor(i / width)];
    paint(x, y, lines, y * lineBytes + 1 + 3 * x);
  }
  return lines;
}

function noise(draw: Random): Paint {
  return (_x, _y, lines, at) => {
    const bits = draw() * 2 ** 24;
    lines[at] = bits & 255;
    lines[at + 1] = bits >> 8 & 255;
    lines[at + 2] = bits >> 16;
  };
}

/** Interpolates between four colors, one for each corner. */
function gradient(
  draw: Random,
  { width, height }: SyntheticImageOptions,
): Paint {
  const color = () => [draw() * 256, draw() * 256, draw() * 256];
  const [left, right] = [color(), color()];
  const [lowerLeft, lowerRight] = [color(), color()];
  return (x, y, lines, at) => {
    for (let c = 0; c < 3; c++) {
      const from = mix(left![c]!, lowerLeft![c]!, y / height);
      const to = mix(right![c]!, lowerRight![c]!, y / height);
      lines[at + c] = mix(from, to, x / width);
    }
  };
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Encodes a PNG file of 8 bits a color. Yields to other work every few milliseconds. */
export async function encodePng(
  { width, height, lines }: {
    readonly width: number;
    readonly height: number;
    /** A byte 0, then red, green and blue of each pixel, for each line. */
    readonly lines: Uint8Array;
  },
  level: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits
  header.setUint8(9, 2); // red, green, blue
  const deflate = Readable.from(slicesOf(lines)).pipe(createDeflate({ level }));
  const file = new Blob([
    SIGNATURE,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", await buffer(deflate)),
    chunk("IEND", new Uint8Array()),
  ]);
  return await file.bytes();
}

/** Bytes compressed between two pauses: some milliseconds of work. */
const SLICE_BYTES = 2 ** 18;

async function* slicesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await yieldToEventLoop();
    yield bytes.subarray(at, at + SLICE_BYTES);
  }
}

/** Length, type, data, and a checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}
