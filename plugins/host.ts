import os from "node:os";
import process from "node:process";
import type { Host } from "../core/monitor.ts";
import type { Environment } from "../core/report.ts";
import config from "../deno.json" with { type: "json" };

/** The version of earshot. */
export const version: string = config.version;

/** This process, as the system tells of it. */
export function denoHost(): Host {
  return {
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    rssBytes: () => Deno.memoryUsage().rss,
  };
}

/** This machine and program, as far as permissions let them be known. */
export function describeEnvironment(): Environment {
  const cpus = asked(() => os.cpus()) ?? [];
  const model = cpus[0]?.model.trim();
  return {
    version,
    deno: Deno.version.deno,
    os: `${Deno.build.os} ${Deno.build.arch}`,
    ...(model && { cpu: model }),
    ...(cpus.length > 0 && { cores: cpus.length }),
  };
}

/** What needs a permission that may not have been given is left out of the report. */
function asked<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
