import type { OpenContext } from "../../plugins/mod.ts";

/** Warns, once in a run, that answers come whole though they were to be streamed. */
export function wholeAnswers({ warn }: Pick<OpenContext, "warn">): () => void {
  let isSaid = false;
  return () => {
    if (!isSaid) {
      warn(
        "The server does not stream: its answers come whole, without times of first output (stream=false asks for that)",
      );
    }
    isSaid = true;
  };
}
