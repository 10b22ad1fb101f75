/** What a server said with its code in front, unless it says that itself. */
export function withCode(message: string, code: string | undefined): string {
  if (!code || message.includes(code)) return message;
  return message ? `${code}: ${message}` : code;
}

/** What stands for the rest of a text. */
export const CUT = "…";

/** Enough of a text to know it by. */
export function snippet(text: string): string {
  return text.length > 300 ? text.slice(0, 300) + CUT : text;
}

/** What came where something else was wanted. */
export function found(text: string): string {
  return snippet(text.trim()) || "empty";
}
