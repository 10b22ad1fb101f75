import type { Command } from "commander";
import { FAULTS } from "../../server/faults.ts";
import { REQUEST_SETTINGS, SESSION_SETTINGS } from "../../server/settings.ts";
import type { SetExitCode } from "../exit_code.ts";

/** Flags of `earshot serve`. */
export interface ServeFlags {
  readonly host: string;
  readonly port: string;
  readonly model: string;
  readonly prefix?: string;
  readonly seed: string;
  readonly seats?: string;
  readonly apiKeyEnv?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly set: readonly string[];
  readonly fault: readonly string[];
}

/** Adds `earshot serve`. */
export function addServe(program: Command, setExitCode: SetExitCode): void {
  const several = (
    value: string,
    before: readonly string[],
  ) => [...before, value];
  program.command("serve")
    .summary("run the reference server alone")
    .description(
      "Runs the reference server: vLLM's endpoints (/v1/realtime, /v1/chat/completions, /v1/completions, " +
        "/v1/responses, /v1/embeddings, /v1/audio/transcriptions, /v1/audio/translations, /tokenize, /detokenize) with " +
        "set delays and faults, the words of the bundled speech, and a log of everything received and sent at /log.",
    )
    .option("--host <address>", "address to listen at", "127.0.0.1")
    .option("-p, --port <n>", "port, or 0 for any free one", "8000")
    .option("--model <name>", "name of the model", "earshot-reference")
    .option("--prefix <path>", "prefix of every path: /team-a")
    .option("--seed <n>", "seed of everything random", "1")
    .option(
      "--seats <n>",
      "sessions and requests that decode at a time; others wait silently, as with vLLM's --max-num-seqs",
    )
    .option(
      "--api-key-env <name>",
      "environment variable of the API key that clients must send",
    )
    .option("--tls-cert <file>", "certificate in PEM, to serve over TLS")
    .option("--tls-key <file>", "its key in PEM")
    .option(
      "--set <name=value>",
      "a setting of sessions or requests (see below), as tokenMs=20; may be repeated",
      several,
      [],
    )
    .option(
      "--fault <fault>",
      "a fault, DO@POINT[~SHARE] (see below); may be repeated",
      several,
      [],
    )
    .addHelpText("after", moreHelp)
    .action(async (flags: ServeFlags) => {
      const { serveCommand } = await import("../serve_command.ts");
      setExitCode(await serveCommand(flags));
    });
}

/** Lists the settings and faults by their tables. */
function moreHelp(): string {
  const sessions = Object.keys(SESSION_SETTINGS);
  const requests = Object.keys(REQUEST_SETTINGS);
  const both = sessions.filter((name) => requests.includes(name));
  const only = (names: readonly string[]) =>
    wrapped(names.filter((name) => !both.includes(name)), "  ");
  return `
Settings of sessions (/v1/realtime):
${only(sessions)}
Settings of requests (all other endpoints):
${only(requests)}
Of both:
${wrapped(both, "  ")}

Faults of sessions:
${faultHelp("session")}
Faults of requests:
${faultHelp("request")}
SHARE is the part of the sessions or requests, from 0 to 1; all unless given.
docs/reference-server.md describes every setting and fault.

Examples:
  earshot serve --port 8000
  earshot serve --set tokenMs=20 --set wordErrorRate=0.05 --seats 8
  earshot serve --set ttftMs=200 --set itlMs=20 --set outputTokens=256
  earshot serve --fault drop@appends:20~0.1 \\
    --fault 'status=429;retry-after: 1,slow down@accept~0.05'
`;
}

function faultHelp(place: "session" | "request"): string {
  const kinds = Object.entries(FAULTS).filter(([, kind]) => kind[place]);
  const verbs = kinds.map(([verb, { form = "" }]) => verb + form);
  const points = new Set(kinds.flatMap(([, kind]) => kind[place]!));
  return `  DO     ${wrapped(verbs, " ".repeat(9)).trim()}
  POINT  ${[...points].join(" ")}`;
}

/** Joins words to lines of at most 78 characters. */
function wrapped(words: readonly string[], indent: string): string {
  const lines = [indent.slice(1)];
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= 78) lines[lines.length - 1] = line;
    else lines.push(indent + word);
  }
  return lines.join("\n");
}
