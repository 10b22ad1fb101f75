import { shownVariable } from "../backends/connect/credentials.ts";
import { suggestion } from "../plugins/problems.ts";
import { systemClock } from "../core/clock.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { messageOf, UsageError } from "../plugins/mod.ts";
import {
  type Fault,
  parseFault,
  readSetting,
  REQUEST_SETTINGS,
  type ServerOptions,
  SESSION_SETTINGS,
  startServer,
} from "../server/mod.ts";
import { EXIT } from "./exit_code.ts";
import { interruptible } from "./interrupt.ts";
import { numberFlag } from "./config.ts";
import type { ServeFlags } from "./commands/serve.ts";
import { warn } from "./output.ts";

/** `earshot serve`: serves until it is interrupted; returns the exit code. */
export async function serveCommand(flags: ServeFlags): Promise<number> {
  using interrupt = interruptible("stopping");
  const port = portOf(flags.port);
  const options = {
    ...changesOf(flags.set),
    hostname: flags.host,
    port,
    model: flags.model,
    seed: numberFlag("--seed", flags.seed, 0),
    faults: flags.fault.map(faultOf),
    ...(flags.prefix !== undefined && { pathPrefix: prefixOf(flags.prefix) }),
    ...(flags.seats !== undefined && {
      maxNumSeqs: numberFlag("--seats", flags.seats, 1),
    }),
    ...keyOf(flags),
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
function changesOf(settings: readonly string[]): Partial<ServerOptions> {
  const all = { ...SESSION_SETTINGS, ...REQUEST_SETTINGS };
  const given = new Map<string, string>();
  for (const setting of settings) {
    const [, name = setting, value] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    if (!Object.hasOwn(all, name)) {
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
  try {
    const values = [...given].map(([name, value]) => [
      name,
      readSetting(all, name, value),
    ]);
    return Object.fromEntries(values);
  } catch (cause) {
    throw new UsageError(`--set: ${messageOf(cause)}`, { cause });
  }
}

function faultOf(text: string): Fault {
  try {
    return parseFault(text);
  } catch (cause) {
    throw new UsageError(`--fault: ${messageOf(cause)}`, { cause });
  }
}

function prefixOf(text: string): string {
  if (/^\/[^?#]*[^/?#]$/.test(text)) return text;
  throw new UsageError(
    `--prefix must begin with / and not end with it, but was ${text}`,
  );
}

function keyOf({ apiKeyEnv }: ServeFlags): { apiKey?: string } {
  if (apiKeyEnv === undefined) return {};
  const apiKey = Deno.env.get(apiKeyEnv);
  if (!apiKey) {
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
