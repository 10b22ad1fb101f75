import { type Image, type Random, random } from "../../plugins/mod.ts";
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
export function syntheticImage(
  { id, width, height, content, seed }: ImageWanted,
): Image {
  return {
    id,
    async file() {
      const chance = random(seed, `synthetic/image/${id}`);
      const rgb = new Uint8Array(width * height * 3);
      if (content === "noise") fillWithNoise(rgb, chance);
      else fillWithGradient(rgb, width, chance);
      return {
        bytes: await encodePng({ width, height, rgb }),
        mediaType: "image/png",
        name: `${id}.png`,
      };
    },
  };
}

function fillWithNoise(rgb: Uint8Array, chance: Random): void {
  for (let i = 0; i < rgb.length; i++) rgb[i] = chance() * 256;
}

/** From the left to the right and from the top to the bottom, between four colours that are drawn. */
function fillWithGradient(
  rgb: Uint8Array,
  width: number,
  chance: Random,
): void {
  const height = rgb.length / 3 / width;
  for (let colour = 0; colour < 3; colour++) {
    const corner = () => chance() * 256;
    const [left, right, lowerLeft, lowerRight] = [
      corner(),
      corner(),
      corner(),
      corner(),
    ];
    for (let y = 0; y < height; y++) {
      const from = left + (lowerLeft - left) * y / height;
      const to = right + (lowerRight - right) * y / height;
      for (let x = 0; x < width; x++) {
        rgb[(y * width + x) * 3 + colour] = from + (to - from) * x / width;
      }
    }
  }
}
