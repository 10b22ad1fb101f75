import type { OpenContext, Output } from "../../plugins/mod.ts";

/**
 * Warns, once in a run, that an answer is shorter than was asked for under `ignoreEos`: the server does not know the
 * field, or has a limit of its own, and the load is not the same every time.
 */
export function shortAnswers(
  { warn }: Pick<OpenContext, "warn">,
): (output: Output, asked: number | undefined) => void {
  let isSaid = false;
  return ({ usage, finishReason }, asked) => {
    if (isSaid || asked === undefined) return;
    const tokens = usage?.outputTokens || undefined;
    const isShort = tokens === undefined
      ? ENDED.has(finishReason ?? "")
      : tokens < asked;
    if (!isShort) return;
    isSaid = true;
    const what = tokens === undefined
      ? `an answer of ${asked} tokens was asked for, but its finish_reason is ${finishReason}`
      : `${asked} tokens were asked for, but the server counted ${tokens}`;
    warn(`ignoreEos: ${what}; the server may not know ignore_eos`);
  };
}

/** Reasons of a model that ended by itself. */
const ENDED: ReadonlySet<string> = new Set(["stop", "eos"]);
