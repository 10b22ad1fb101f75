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
