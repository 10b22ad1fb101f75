import { constants } from "node:os";
import { EXIT, printError } from "./output.ts";

/** The run was interrupted by a signal before there was anything to report. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** 128 + the number of the signal. */
  readonly exitCode: number;

  constructor(signal: Deno.Signal) {
    super("The run was interrupted");
    this.exitCode = exitCodeOf(signal);
  }
}

/** A signal that aborts at the first Ctrl-C. */
export interface Interruptible extends Disposable {
  readonly signal: AbortSignal;
  /** 128 + the number of the signal that was received. @default {130} */
  readonly exitCode: number;
}

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP, so that the report is still made. After that
 * SIGINT and SIGTERM have their default effect: the second one ends the process at once, even if this thread is busy.
 * A terminal that closes sends SIGHUP more than once; the later ones do nothing.
 */
export function interruptible(
  follows =
    "ending, with a report if any load was offered; again to end at once",
): Interruptible {
  const controller = new AbortController();
  let exitCode: number = EXIT.interrupted;
  const ignoresHup = ignoresHangup();
  const listeners = SIGNALS.map((name) => [name, () => stop(name)] as const);
  for (const [name, listener] of listeners) {
    Deno.addSignalListener(name, listener);
  }

  function stop(name: Deno.Signal): void {
    // With one listener Deno handles every ending signal, and would end the process here.
    if (name === "SIGHUP" && ignoresHup) return;
    if (controller.signal.aborted) {
      if (name !== "SIGHUP") Deno.exit(exitCode);
      return;
    }
    const interrupted = new Interrupted(name);
    exitCode = interrupted.exitCode;
    // On Windows this listener ends the process.
    if (Deno.build.os !== "windows") release("SIGINT", "SIGTERM");
    // First, so that a live view makes room for the message.
    controller.abort(interrupted);
    printError(`\nearshot: Interrupted: ${follows}`);
  }

  function release(...names: Deno.Signal[]): void {
    for (const [name, listener] of listeners) {
      if (names.includes(name)) Deno.removeSignalListener(name, listener);
    }
  }

  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]: () => release(...SIGNALS),
  };
}

/** Windows has no other signal to listen to. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Whether the process was started to outlive its terminal, as by nohup. Must be called before any listener is added. */
function ignoresHangup(): boolean {
  const status = readStatus();
  const ignored = status && /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (ignored) return (BigInt(`0x${ignored}`) & 1n) === 1n;
  return ![Deno.stdin, Deno.stdout, Deno.stderr].some((stream) =>
    stream.isTerminal()
  );
}

function readStatus(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const path = "/proc/self/status";
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state !== "granted") return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // reading it needs all permissions
  }
}

function exitCodeOf(signal: Deno.Signal): number {
  const { signals } = constants;
  return 128 + (signals[signal as keyof typeof signals] ?? 2);
}
