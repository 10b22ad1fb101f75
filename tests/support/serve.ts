import { type EarshotOptions, startEarshot } from "./earshot.ts";
import type { LogEntry } from "../../server/mod.ts";

/** The reference server in a separate process. */
export interface Serving extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, with the prefix if there is one. */
  readonly url: string;
  /** The same address with `ws:`. */
  readonly wsUrl: string;
  /** Returns its log of received and sent messages. */
  log(): Promise<LogEntry[]>;
  /** Kills it, like a crash. */
  crash(): Promise<void>;
}

/** Settings for the fastest answers, for tests without timing. */
export const QUICK: readonly string[] = ["--set", "tokenMs=0"];

/** Starts `earshot serve --port 0` and waits until it listens. */
export async function serve(
  args: readonly string[] = [],
  options: EarshotOptions = {},
): Promise<Serving> {
  const running = startEarshot(["serve", "--port", "0", ...args], {
    limitMs: 90_000,
    ...options,
  });
  const [, url] = await running.waitFor(/ at (https?:\/\/\S+) · /);
  return {
    url: url!,
    wsUrl: url!.replace(/^http/, "ws"),
    async log() {
      const response = await fetch(`${url}/log`);
      const text = await response.text();
      return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    },
    async crash() {
      running.kill("SIGKILL");
      await running.ended;
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
