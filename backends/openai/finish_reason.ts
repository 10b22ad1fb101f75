import { textOf } from "./json.ts";

/**
 * The reason why generation ended, in the server's word: a `finish_reason`, or the status of a response. `undefined`
 * where there is none, whatever the server puts in its place: null, an empty text, the name of a null in some
 * language, or the default of an enumeration. What is no text is no reason.
 */
export function reasonIn(value: unknown): string | undefined {
  const reason = textOf(value)?.trim();
  return reason === undefined || PLACEHOLDER.test(reason) ? undefined : reason;
}

const PLACEHOLDER =
  /^(?:|nil|undefined|nan|n\/a|false|not_?finished|unfinished|(?:finish_?reason_?)?(?:unspecified|unset|null|none))$/i;

/** Reasons that say that the server gave up, where it does not say why. */
export const BROKEN_OFF: ReadonlySet<string> = new Set(["error", "abort"]);
