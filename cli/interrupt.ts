import { EXIT } from "./exit_codes.ts";

/** Ctrl-C was pressed before there was anything to report. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Aborts at the first Ctrl-C, so that the report is still made; the second ends the program at once. */
export function interruptible(
  follows = "the report of what there is follows; again to end at once",
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const names: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  const stop = () => {
    if (controller.signal.aborted) Deno.exit(EXIT.interrupted);
    console.error(
      `\nearshot: Interrupted: ${follows}`,
    );
    controller.abort(new Interrupted("The run was interrupted"));
  };
  for (const name of names) Deno.addSignalListener(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of names) Deno.removeSignalListener(name, stop);
    },
  };
}
