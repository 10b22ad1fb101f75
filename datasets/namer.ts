import { basename } from "node:path";

/**
 * Names records as they name themselves, else by their number, so that no two have one name.
 *
 * @param place The file's name with the mark that stands before a record's number.
 */
export function namer(
  place: string,
): (line: number, own: string | undefined) => string {
  const used = new Set<string>();
  const mark = place.at(-1);
  return (line, own) => {
    if (own === undefined) return `${place}${line}`;
    const id = used.has(own) ? `${own}${mark}${line}` : own;
    used.add(id);
    return id;
  };
}

/**
 * A problem of a record's, behind its place where the record is not called by it already.
 *
 * @param place The file with the mark that stands before a record's number.
 */
export function placedProblem(
  problem: string,
  place: string,
  { line, id }: { readonly line: number; readonly id: string },
): string {
  const isNamed = id === `${basename(place)}${line}`;
  return isNamed ? problem : `${place}${line}: ${problem}`;
}
