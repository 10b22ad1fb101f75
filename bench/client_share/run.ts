import type { Report } from "../../mod.ts";
import type { Scenario } from "./scenario.ts";

/** The files of one run. */
export interface RunFiles {
  readonly samples: string;
  readonly report: Report;
  /** Socket logs of both processes. */
  readonly client: string;
  readonly server: string;
}

/** Options of {@linkcode runScenario}. */
export interface RunOptions {
  readonly seconds: number;
  /** Number of processes that take all the processor time they get. */
  readonly hogs: number;
  /** The library that logs writes to sockets. */
  readonly library: string;
  /** Folder for the files. */
  readonly folder: string;
}

const ROOT = new URL("../../", import.meta.url);

/** Runs one scenario: server, client and hogs in processes of their own. */
export async function runScenario(
  scenario: Scenario,
  { seconds, hogs, library, folder }: RunOptions,
): Promise<RunFiles> {
  const files = {
    samples: `${folder}/samples.jsonl`,
    report: `${folder}/report.json`,
    client: `${folder}/client.log`,
    server: `${folder}/server.log`,
  };
  const server = earshot(["serve", "--port", "0", ...scenario.server], {
    SOCKET_LOG: files.server,
    LD_PRELOAD: library,
  }).spawn();
  const others = Array.from({ length: hogs }, () => hog());
  try {
    const url = await addressOf(server.stdout);
    const { code, stderr } = await earshot([
      "run",
      ...["--target", url, "--duration", `${seconds}s`, "--quiet"],
      ...["--report", `jsonl=${files.samples}`],
      ...["--report", `json=${files.report}`],
      ...scenario.run,
    ], { SOCKET_LOG: files.client, LD_PRELOAD: library }).output();
    // 4 is the verdict that this tool checks.
    if (code !== 0 && code !== 4) {
      throw new Error(`earshot run: ${new TextDecoder().decode(stderr)}`);
    }
    const report = JSON.parse(await Deno.readTextFile(files.report));
    return { ...files, report };
  } finally {
    for (const process of [server, ...others]) {
      process.kill("SIGKILL");
      await process.status;
    }
  }
}

function earshot(
  args: readonly string[],
  env: Record<string, string>,
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--frozen", new URL("cli.ts", ROOT).href, ...args],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function hog(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "for (;;);"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Reads the address that the server prints first. */
async function addressOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (
    const piece of stdout.pipeThrough(new TextDecoderStream(), {
      preventCancel: true,
    })
  ) {
    text += piece;
    const [, url] = /(http:\S+)/.exec(text) ?? [];
    if (url) return url;
  }
  throw new Error("the server ended before it printed its address");
}
