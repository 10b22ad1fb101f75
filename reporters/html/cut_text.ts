/** Number of characters of a text that a page shows. */
export const LONGEST_TEXT = 2000;

/** Cuts a text that is longer than a page shows, and says how much is missing. */
export function cutText(text: string, longest = LONGEST_TEXT): string {
  if (text.length <= longest) return text;
  const isPair = /[\ud800-\udbff]/.test(text[longest - 1]!);
  const end = isPair ? longest - 1 : longest;
  return `${text.slice(0, end)}… (${text.length - end} more characters)`;
}

/** Cuts every text in plain data. */
export function cutTexts<T>(data: T): T {
  return cutIn(data) as T;
}

function cutIn(value: unknown): unknown {
  if (typeof value === "string") return cutText(value);
  if (Array.isArray(value)) return value.map(cutIn);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [cutText(key), cutIn(each)]),
  );
}
