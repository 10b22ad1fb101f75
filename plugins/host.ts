import os from "node:os";
import process from "node:process";
import type { Host } from "../core/client_monitor.ts";
import type { Environment } from "../core/report.ts";
import { watchLoop } from "./loop_watch.ts";
import config from "../deno.json" with { type: "json" };

/** The version of earshot. */
export const version: string = config.version;

/** Returns the CPU time and memory of this process. */
export function denoHost(): Host {
  return {
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    rssBytes: () => Deno.memoryUsage().rss,
    watch: (clock) => watchLoop(() => clock.now()),
  };
}

/** Returns the versions of this machine and program, as far as permissions allow. */
export function describeEnvironment(): Environment {
  const cpus = readIfPermitted(() => os.cpus()) ?? [];
  const model = cpus[0]?.model.trim();
  return {
    version,
    deno: Deno.version.deno,
    os: `${Deno.build.os} ${Deno.build.arch}`,
    ...(model && { cpu: model }),
    ...(cpus.length > 0 && { cores: cpus.length }),
  };
}

/** Returns undefined if a permission is missing; the report then omits the value. */
function readIfPermitted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
