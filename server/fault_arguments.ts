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

/** What is made of a whole number, if it is one of at most that. */
export function upTo<Action>(
  most: number,
  text: string,
  make: (value: number) => Action | undefined,
): Action | undefined {
  return natural(text, (value) => value <= most ? make(value) : undefined);
}

/** Bytes that a fault sends at most, and events. */
export const MAX_BYTES = 67_108_864;
export const MAX_EVENTS = 100_000;

const MS = "MS, a whole number of milliseconds";
const BYTES = `BYTES, a whole number of at most ${MAX_BYTES}`;

/** What the arguments of an action must be, where not all will do. */
export const ARGUMENTS: Readonly<Record<string, string>> = {
  status:
    "STATUS from 200 to 599, then each header as ;NAME: VALUE, then ,BODY",
  refuse: "STATUS from 300 to 599, then ,BODY",
  redirect: "STATUS 301, 302, 303, 307 or 308, then ,URL",
  type: "TYPE",
  drip: MS,
  pause: MS,
  stall: `none or ${MS}`,
  noise: `N, a whole number of at most ${MAX_EVENTS}`,
  big: BYTES,
  garbage: BYTES,
  close:
    "CODE from 1000 to 1003, 1007 to 1014 or 3000 to 4999, then ,REASON of at most 123 bytes",
};

/** Words as a choice: `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
