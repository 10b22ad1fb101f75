import { visible } from "../safe_text.ts";

/** Number of characters of a text that a page shows. */
export const LONGEST_TEXT = 2000;

/**
 * Returns a text that is safe to show: control characters are visible escapes, halves of surrogate pairs are replaced, and
 * a long text is cut and says how much is missing.
 */
export function shownText(text: string, longest = LONGEST_TEXT): string {
  if (text.length <= longest) return visible(text.toWellFormed());
  const isPair = /[\ud800-\udbff]/.test(text[longest - 1]!);
  const end = isPair ? longest - 1 : longest;
  const kept = visible(text.slice(0, end).toWellFormed());
  return `${kept} … (${text.length - end} more characters)`;
}

/** Makes every text in plain data safe to show, and rounds its fractions to six significant digits. */
export function shownData<T>(data: T): T {
  return shownIn(data) as T;
}

function shownIn(value: unknown): unknown {
  switch (typeof value) {
    case "string":
      return shownText(value);
    case "number":
      return Number.isInteger(value) ? value : Number(value.toPrecision(6));
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(shownIn);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [shownText(key), shownIn(each)]),
  );
}
