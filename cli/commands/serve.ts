import { type Command, Help } from "commander";
import { messageOf, UsageError } from "../../core/errors.ts";
import { FAULTS, parseFault } from "../../server/faults.ts";
import type { ServerOptions } from "../../server/mod.ts";
import {
  readSetting,
  REQUEST_SETTINGS,
  SESSION_SETTINGS,
} from "../../server/settings.ts";
import { collect, numberFlag } from "../flags.ts";
import { EXIT, type SetExitCode, warn } from "../output.ts";

/** Flags of `earshot serve`. */
interface ServeFlags {
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
      collect,
      [],
    )
    .option(
      "--fault <fault>",
      "a fault, DO@POINT[~SHARE] (see below); may be repeated",
      collect,
      [],
    )
    .addHelpText("after", moreHelp)
    .action(async (flags: ServeFlags) =>
      setExitCode(await serveCommand(flags))
    );
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
  return new Help().boxWrap(words.join(" "), 78 - indent.length)
    .replaceAll(/^/gm, indent);
}

/** Serves until it is interrupted; returns the exit code. */
async function serveCommand(flags: ServeFlags): Promise<number> {
  const { systemClock } = await import("../../core/clock.ts");
  const { disposeInTime } = await import("../../lib/disposal.ts");
  const { startServer } = await import("../../server/mod.ts");
  const { interruptible } = await import("../interrupt.ts");
  using interrupt = interruptible("stopping");
  const port = portOf(flags.port);
  const options = {
    ...await changesOf(flags.set),
    hostname: flags.host,
    port,
    model: flags.model,
    seed: numberFlag("--seed", flags.seed, 0),
    faults: flags.fault.map((text) =>
      parsed("--fault", () => parseFault(text))
    ),
    ...(flags.prefix !== undefined && { pathPrefix: prefixOf(flags.prefix) }),
    ...(flags.seats !== undefined && {
      maxNumSeqs: numberFlag("--seats", flags.seats, 1),
    }),
    ...await keyOf(flags),
    ...await tlsOf(flags),
  };
  const server = await startServer(options).catch((cause) => {
    throw new UsageError(messageOf(cause), { cause });
  });
  await using closing = new AsyncDisposableStack();
  closing.defer(() =>
    disposeInTime("the server", () => server.close(), {
      clock: systemClock(),
      warn,
    })
  );
  console.log(
    `${flags.model} at ${server.url}${
      flags.prefix ?? ""
    } · /v1/realtime · /v1/chat/completions · … · /log · Ctrl-C ends it`,
  );
  await new Promise<void>((resolve) => {
    interrupt.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return EXIT.done;
}

function portOf(text: string): number {
  const port = numberFlag("--port", text, 0);
  if (port < 65_536) return port;
  throw new UsageError(
    `--port must be at most 65535, but was ${text}`,
  );
}

/** The options that `--set` changes. */
async function changesOf(
  settings: readonly string[],
): Promise<Partial<ServerOptions>> {
  const all = { ...SESSION_SETTINGS, ...REQUEST_SETTINGS };
  const given = new Map<string, string>();
  for (const setting of settings) {
    const [, name = setting, value] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    if (!Object.hasOwn(all, name)) {
      const { suggestion } = await import("../../plugins/problems.ts");
      const hint = suggestion(name, Object.keys(all));
      throw new UsageError(`--set: unknown setting "${name}"; ${hint}`);
    }
    if (value === undefined) {
      const usual = all[name as keyof typeof all].default;
      throw new UsageError(
        `--set: ${name} must have a value, as --set ${name}=${
          usual || "VALUE"
        }`,
      );
    }
    const before = given.get(name);
    if (before !== undefined && before !== value) {
      const values = [before, value].map((text) => JSON.stringify(text));
      throw new UsageError(
        `--set: ${name} must be given once, but was given as ${
          values.join(" and as ")
        }`,
      );
    }
    given.set(name, value);
  }
  const values = [...given].map(([name, value]) => [
    name,
    parsed("--set", () => readSetting(all, name, value)),
  ]);
  return Object.fromEntries(values);
}

/** Parses the value of a flag, which errors name. */
function parsed<T>(flag: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError(`${flag}: ${messageOf(cause)}`, { cause });
  }
}

function prefixOf(text: string): string {
  if (/^\/[^?#]*[^/?#]$/.test(text)) return text;
  throw new UsageError(
    `--prefix must begin with / and not end with it, but was ${text}`,
  );
}

async function keyOf(
  { apiKeyEnv }: ServeFlags,
): Promise<{ apiKey?: string }> {
  if (apiKeyEnv === undefined) return {};
  const apiKey = Deno.env.get(apiKeyEnv);
  if (!apiKey) {
    const { shownVariable } = await import(
      "../../backends/connect/credentials.ts"
    );
    throw new UsageError(
      `--api-key-env must name a variable that is set, but was ${
        shownVariable(apiKeyEnv)
      }`,
    );
  }
  return { apiKey };
}

async function tlsOf({ tlsCert, tlsKey }: ServeFlags) {
  if (tlsCert === undefined && tlsKey === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new UsageError(
      "--tls-cert and --tls-key must both be given, or neither",
    );
  }
  return { tls: { cert: await pemOf(tlsCert), key: await pemOf(tlsKey) } };
}

async function pemOf(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  if (text.includes("-----BEGIN ")) return text;
  throw new UsageError(
    `${path}: a certificate or key must be in PEM`,
  );
}
