import { closest, distance } from "fastest-levenshtein";

/** The name that was probably meant, if it is none of them. */
export function nearest(
  name: string,
  names: readonly string[],
): string | undefined {
  if (names.includes(name)) return undefined;
  const best = closest(name, [...names]);
  const far = Math.max(1, Math.floor(Math.max(name.length, best.length) / 2.5));
  return distance(name, best) <= far ? best : undefined;
}
