import { fileURLToPath } from "node:url";
import { systemClock } from "../../core/clock.ts";

/** Path of the program. */
const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** Options of a process. */
export interface EarshotOptions {
  /** @default The folder that the tests are run from */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of Deno, before the name of the program. */
  readonly denoFlags?: readonly string[];
  /** Shell commands to run first in the same process, such as `ulimit -n 64`. Not on Windows. */
  readonly before?: string;
  /** Columns of a pseudo-terminal to run in, where {@linkcode hasTerminal} says so. Both outputs are then `stdout`. */
  readonly terminal?: number;
  /** Time after which the process is killed and the test fails. @default {30000} */
  readonly limitMs?: number;
}

/** The result of a process. */
export interface Ended {
  readonly code: number;
  /** The signal that ended it, if any. */
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the start of the process to its end. */
  readonly tookMs: number;
}

/** A running process. */
export interface Running extends AsyncDisposable {
  /** Output written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits for a match in its output; fails if the process ends first. */
  waitFor(pattern: RegExp, where?: "stdout" | "stderr"): Promise<string[]>;
  kill(signal: Deno.Signal): void;
  /** Writes to its terminal, as from a keyboard. */
  press(keys: string): Promise<void>;
  /** Resolves when it ends. */
  readonly ended: Promise<Ended>;
}

/** Runs earshot to its end, in a pipe, with no terminal. */
export async function earshot(
  args: readonly string[],
  options: EarshotOptions = {},
): Promise<Ended> {
  await using running = startEarshot(args, options);
  return await running.ended;
}

/** Starts earshot; disposal kills the process if it still runs. */
export function startEarshot(
  args: readonly string[],
  options: EarshotOptions = {},
): Running {
  const { cwd, env = {}, limitMs = 30_000, terminal } = options;
  const clock = systemClock();
  const [program, ...rest] = commandOf(args, options);
  const child = new Deno.Command(program!, {
    args: rest,
    ...(cwd !== undefined && { cwd }),
    env: {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      DENO_NO_PROMPT: "1",
      GITHUB_STEP_SUMMARY: "", // that of the tests' own step
      ...env,
    },
    stdin: terminal === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const keyboard = terminal === undefined ? undefined : child.stdin.getWriter();
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  let late = false;
  const cancel = clock.at(limitMs, () => {
    late = true;
    child.kill("SIGKILL");
  });
  const ended = (async () => {
    const { code, signal } = await child.status;
    cancel();
    await keyboard?.close().catch(() => {}); // The terminal is gone.
    await Promise.all([out.done, err.done]);
    const tookMs = clock.now();
    if (late) {
      throw new Error(
        `earshot ${
          args.join(" ")
        } took more than ${limitMs} ms\n${out.text()}\n${err.text()}`,
      );
    }
    return { code, signal, stdout: out.text(), stderr: err.text(), tookMs };
  })();
  ended.catch(() => {}); // Callers that await it receive the rejection.
  return {
    stdout: out.text,
    stderr: err.text,
    waitFor: async (pattern, where = "stdout") =>
      await (where === "stdout" ? out : err).waitFor(
        pattern,
        () => `${args.join(" ")}\n${out.text()}\n${err.text()}`,
      ),
    kill: (signal) => child.kill(signal),
    press: async (keys) =>
      await keyboard?.write(new TextEncoder().encode(keys)),
    ended,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // The process has ended.
      }
      await ended.catch(() => {});
    },
  };
}

function commandOf(
  args: readonly string[],
  { denoFlags = [], before, terminal }: EarshotOptions,
): string[] {
  const command = [
    ...(before === undefined
      ? []
      : ["sh", "-c", `${before} && exec "$0" "$@"`]),
    Deno.execPath(),
    ...["run", "-A", ...denoFlags, CLI, ...args],
  ];
  if (terminal === undefined) return command;
  const quoted = command.map((piece) => `'${piece}'`).join(" ");
  const size = `stty cols ${terminal} rows 40`;
  return ["script", "-qec", `${size}; exec ${quoted}`, "/dev/null"];
}

/** Whether `script`, which runs a command on a pseudo-terminal, is installed (util-linux). */
export const hasTerminal: boolean = Deno.build.os === "linux" &&
  await new Deno.Command("script", {
    args: ["--version"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output().then(({ success }) => success, () => false);

/** Reads a stream to its end, and resolves when a text occurs in it. */
function collect(stream: ReadableStream<Uint8Array>) {
  let text = "";
  let isOver = false;
  let changed = Promise.withResolvers<void>();
  const done = (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      changed.resolve();
      changed = Promise.withResolvers();
    }
    isOver = true;
    changed.resolve();
  })();
  return {
    done,
    text: () => text,
    async waitFor(pattern: RegExp, what: () => string): Promise<string[]> {
      while (true) {
        const match = text.match(pattern);
        if (match) return [...match];
        if (isOver) throw new Error(`It ended before ${pattern}: ${what()}`);
        await changed.promise;
      }
    },
  };
}
