import { type Image, type Random, random } from "../../plugins/mod.ts";
import { otherWork } from "./other_work.ts";
import { encodePng } from "./png.ts";

/** What a picture is to be. */
export interface ImageWanted {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly content: "gradient" | "noise";
  readonly seed: number;
}

/** A picture of nothing: made each time that it is asked for, always the same. */
export function syntheticImage(wanted: ImageWanted): Image {
  const { id, width, height, content } = wanted;
  return {
    id,
    file: async () => ({
      bytes: await inTurn(async () =>
        encodePng({
          width,
          height,
          rgb: await painted(wanted),
          isRegular: content !== "noise",
        })
      ),
      mediaType: "image/png",
      name: `${id}.png`,
    }),
  };
}

let last: Promise<unknown> = Promise.resolve();

/** One picture after the other: the slices of many would follow each other without a break, all their pixels held. */
function inTurn<T>(make: () => Promise<T>): Promise<T> {
  const made = last.then(make);
  last = made.catch(() => {});
  return made;
}

type Rgb = readonly [red: number, green: number, blue: number];

/** The colour of a pixel; asked for in the order of reading. */
type Paint = (x: number, y: number) => Rgb;

const PAINTS = { noise, gradient };

/** Pixels at a stretch: some milliseconds of work. */
const SLICE = 2 ** 17;

async function painted(
  { width, height, content, seed, id }: ImageWanted,
): Promise<Uint8Array<ArrayBuffer>> {
  const chance = random(seed, `synthetic/image/${id}`);
  const paint = PAINTS[content](chance, { width, height });
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    if (i > 0 && i % SLICE === 0) await otherWork();
    const [red, green, blue] = paint(i % width, Math.floor(i / width));
    rgb[i * 3] = red;
    rgb[i * 3 + 1] = green;
    rgb[i * 3 + 2] = blue;
  }
  return rgb;
}

function noise(chance: Random): Paint {
  return () => {
    const bits = chance() * 2 ** 24;
    return [bits & 255, bits >> 8 & 255, bits >> 16];
  };
}

/** From the left to the right and from the top to the bottom, between four colours that are drawn. */
function gradient(
  chance: Random,
  { width, height }: { readonly width: number; readonly height: number },
): Paint {
  const colour = (): Rgb => [chance() * 256, chance() * 256, chance() * 256];
  const [left, right, lowerLeft, lowerRight] = [
    colour(),
    colour(),
    colour(),
    colour(),
  ];
  return (x, y) =>
    between(
      between(left, lowerLeft, y / height),
      between(right, lowerRight, y / height),
      x / width,
    );
}

function between(one: Rgb, other: Rgb, share: number): Rgb {
  return [
    one[0] + (other[0] - one[0]) * share,
    one[1] + (other[1] - one[1]) * share,
    one[2] + (other[2] - one[2]) * share,
  ];
}
