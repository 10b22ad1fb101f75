import { shownVariable } from "../backends/connect/credentials.ts";
import { suggestion } from "../plugins/problems.ts";
import { systemClock } from "../core/clock.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { messageOf, UsageError } from "../plugins/mod.ts";
import {
  type Fault,
  parseFault,
  REQUEST_DEFAULTS,
  type ServerOptions,
  SESSION_DEFAULTS,
  startServer,
} from "../server/mod.ts";
import { settingsOf } from "../server/settings.ts";
import { EXIT } from "./exit_code.ts";
import { interruptible } from "./interrupt.ts";
import { wholeNumber } from "./run_plan.ts";
import type { ServeFlags } from "./commands/serve.ts";
import { warn } from "./warn.ts";

/** `earshot serve`: serves until it is interrupted; returns the exit code. */
export async function serveCommand(flags: ServeFlags): Promise<number> {
  using interrupt = interruptible("stopping");
  const port = portOf(flags.port);
  const options = {
    ...changesOf(flags.set),
    hostname: flags.host,
    port,
    model: flags.model,
    seed: wholeNumber("--seed", flags.seed, 0),
    faults: flags.fault.map(faultOf),
    ...(flags.prefix !== undefined && { pathPrefix: prefixOf(flags.prefix) }),
    ...(flags.seats !== undefined && {
      maxNumSeqs: wholeNumber("--seats", flags.seats, 1),
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
  const port = wholeNumber("--port", text, 0);
  if (port < 65_536) return port;
  throw new UsageError(
    `Cannot serve as '--port' must be at most 65535: current value is ${text}`,
  );
}

/** What `--set` changes, of the options that sessions and requests have. */
function changesOf(settings: readonly string[]): Partial<ServerOptions> {
  const query = new URLSearchParams();
  const { faults: _, ...defaults } = {
    ...SESSION_DEFAULTS,
    ...REQUEST_DEFAULTS,
  };
  const names = Object.keys(defaults);
  for (const setting of settings) {
    const [, name = setting, value] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    if (!names.includes(name)) {
      throw new UsageError(
        `Cannot serve as '--set' must be NAME=VALUE of a known name: current value is ${setting}; ${
          suggestion(name, names)
        }`,
      );
    }
    if (value === undefined) throw noValue(name, defaults);
    const before = query.get(name);
    if (before !== null && before !== value) {
      throw new UsageError(
        `--set: ${name} must be given once, but was given as ${
          JSON.stringify(before)
        } and as ${JSON.stringify(value)}`,
      );
    }
    query.set(name, value);
  }
  const read = settingsOf({
    url: `http://localhost/?${query}`,
    headers: new Headers(),
  }, { current: { ...defaults, faults: [] }, known: defaults, of: "requests" });
  if (typeof read === "string") throw new UsageError(read);
  return Object.fromEntries(
    Object.entries(read.options).filter(([name]) => read.changed.has(name)),
  );
}

/** A setting without its value. */
function noValue(
  name: string,
  defaults: Readonly<Record<string, unknown>>,
): UsageError {
  const usual = String(defaults[name]) || "VALUE";
  return new UsageError(
    `Cannot serve as '--set' must be NAME=VALUE: current value is ${name}; give it a value, as --set ${name}=${usual}`,
  );
}

function faultOf(text: string): Fault {
  try {
    return parseFault(text);
  } catch (cause) {
    throw new UsageError("Cannot serve with '--fault'", { cause });
  }
}

function prefixOf(text: string): string {
  if (/^\/[^?#]*[^/?#]$/.test(text)) return text;
  throw new UsageError(
    `Cannot serve as '--prefix' must begin with / and not end with it: current value is ${text}`,
  );
}

function keyOf({ apiKeyEnv }: ServeFlags): { apiKey?: string } {
  if (apiKeyEnv === undefined) return {};
  const apiKey = Deno.env.get(apiKeyEnv);
  if (!apiKey) {
    throw new UsageError(
      `Cannot serve as '--api-key-env' must name a variable that is set: current value is ${
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
      "Cannot serve over TLS as '--tls-cert' and '--tls-key' must both be given",
    );
  }
  return { tls: { cert: await pemOf(tlsCert), key: await pemOf(tlsKey) } };
}

async function pemOf(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new UsageError(
      `Cannot serve over TLS as '${path}' cannot be read`,
      { cause },
    );
  });
  if (text.includes("-----BEGIN ")) return text;
  throw new UsageError(
    `Cannot serve over TLS as certificate and key must be in PEM: current value is '${path}', which is not`,
  );
}
