import { snippet } from "../connect/server_text.ts";
import type { OpenContext } from "../../plugins/mod.ts";

/** Warns, once in a run, that answers come whole though they were to be streamed. */
export function wholeAnswers({ warn }: Pick<OpenContext, "warn">): () => void {
  return onlyOnce(() =>
    warn(
      "The server does not stream: its answers come whole, without times of first output (stream=false asks for that)",
    )
  );
}

/** Warns, once in a run, of event streams that do not have the content type of one. */
export function mislabelledStreams(
  { warn }: Pick<OpenContext, "warn">,
): (contentType: string | undefined) => void {
  return onlyOnce((contentType) =>
    warn(
      `The server sends its event streams with ${
        contentType
          ? `the content type ${snippet(contentType)}`
          : "no content type"
      } instead of text/event-stream; they are read as event streams all the same`,
    )
  );
}

function onlyOnce<Args extends unknown[]>(
  task: (...args: Args) => void,
): (...args: Args) => void {
  let isDone = false;
  return (...args) => {
    if (!isDone) task(...args);
    isDone = true;
  };
}
