/** What is made of a whole number, if it is one. */
export function natural<Action>(
  text: string,
  make: (value: number) => Action | undefined,
): Action | undefined {
  return /^\d+$/.test(text) ? make(Number(text)) : undefined;
}

/** What is before and behind the first comma. */
export function halves(text: string): [string, string] {
  const comma = text.indexOf(",");
  return comma < 0 ? [text, ""] : [text.slice(0, comma), text.slice(comma + 1)];
}
