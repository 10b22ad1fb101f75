import { isRecord } from "../../lib/record.ts";
import type { ParquetFile } from "../formats/parquet.ts";

/** Which columns hold media, as the library that wrote the file has noted it. */
export interface MediaColumns {
  readonly audio?: string;
  readonly images?: string;
}

/** What is called so is meant where several columns hold the like. */
const USUAL: Readonly<Record<keyof MediaColumns, RegExp>> = {
  audio: /^audio$/i,
  images: /^images?$/i,
};

/** The columns with audio and pictures, where a file says which they are: their names need not tell. */
export function mediaColumns(file: Pick<ParquetFile, "note">): MediaColumns {
  const features = featuresIn(file.note("huggingface"));
  const named = (role: keyof MediaColumns, type: string) => {
    const names = Object.keys(features)
      .filter((name) => typesIn(features[name]).includes(type));
    const name = names.find((each) => USUAL[role].test(each)) ?? names[0];
    return name === undefined ? {} : { [role]: name };
  };
  return { ...named("audio", "Audio"), ...named("images", "Image") };
}

function featuresIn(note: string | undefined): Record<string, unknown> {
  try {
    const { info } = JSON.parse(note ?? "{}");
    return isRecord(info?.features) ? info.features : {};
  } catch {
    // What others note is of use where it can be read, and no matter where not.
    return {};
  }
}

/** A feature's type, and that of the items where it is a list. */
function typesIn(feature: unknown): string[] {
  const item = Array.isArray(feature) ? feature[0] : feature;
  if (!isRecord(item)) return [];
  const { _type, feature: inner } = item;
  return [String(_type), ...(inner === undefined ? [] : typesIn(inner))];
}
