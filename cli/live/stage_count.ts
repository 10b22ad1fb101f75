import { parseSlos } from "../../core/slo.ts";
import { random } from "../../lib/random.ts";
import type { PreparedRun } from "../../plugins/config.ts";
import type { LoadProfile, StageReport } from "../../plugins/mod.ts";

/** Most stages that are counted: a load may have no end. */
const MAX_STAGES = 10_000;

/** Report of a stage that was not run: a load that reads more of it than the counts fails. */
const UNKNOWN = new Proxy({} as StageReport, {
  get(_, name) {
    if (name === "counts") return { ok: 1 };
    throw new Error("The stage was not run");
  },
});

/**
 * Counts the stages of a run by asking its loads for them, without running any. `undefined` where a stage depends on the
 * result of another, as in a search, and for loads that are not built in.
 */
export async function countStages(
  { load: loads, config }: PreparedRun,
): Promise<number | undefined> {
  let count = 0;
  for (const load of [loads].flat()) {
    if (load.use !== undefined) return undefined;
    const { signal } = new AbortController();
    const profile = await load.open({ env, signal, warn() {} });
    const stages = stagesOf(profile, config);
    if (stages === undefined) return undefined;
    count += stages;
  }
  return count * (config.repeat ?? 1);
}

function stagesOf(
  profile: LoadProfile,
  { seed, stop, slos, normalizer }: PreparedRun["config"],
): number | undefined {
  const rules = { stop, slos: parseSlos(slos), normalizer };
  const stages = profile((purpose) => random(seed, purpose), rules);
  let count = 0;
  try {
    while (!stages.next(UNKNOWN).done) {
      if (++count > MAX_STAGES) return undefined;
    }
  } catch {
    return undefined;
  }
  return count;
}

function env(name: string): string | undefined {
  return Deno.env.get(name);
}
