/**
 * Lets timers and sockets run in the middle of long work. Uses a timer, as Deno runs up to 60 immediates before it
 * looks at sockets.
 */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
