const pauseMs = 2;

/**
 * Writes a report to standard output. A reader that has gone away, as `head` does, is no
 * failure.
 */
export async function writeStdout(text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) {
      const written = writeSome(rest);
      rest = rest.subarray(written);
      if (written === 0) await pause();
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) return;
    throw new Error("Cannot write the report to standard output", { cause });
  }
}

/** Standard output may be a pipe that was made non-blocking by the process that shares it: it is full at times. */
function writeSome(bytes: Uint8Array): number {
  try {
    return Deno.stdout.writeSync(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.WouldBlock) return 0;
    throw error;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
