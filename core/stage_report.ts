import type { Digest } from "./metrics/digest.ts";
import type { ClientHealth, StageReport } from "./report.ts";
import { judgeSlos, type Slo } from "./slo.ts";
import { judge } from "./verdict.ts";

/** What is known of a stage beside its samples. */
export interface StageRecord
  extends Pick<StageReport, "name" | "load" | "window" | "stopped"> {
  /** Arrivals of the measured window that never started. */
  readonly dropped: number;
  /** What the process was seen to do. */
  readonly health: Pick<ClientHealth, "loopDelay" | "cpu" | "rssBytes">;
}

/** Makes the report of a stage, while it ran or from saved samples: the same samples give the same report. */
export function stageReport(
  sums: Digest,
  record: StageRecord,
  slos: readonly Slo[] = [],
): StageReport {
  const { name, load, window, stopped, dropped, health } = record;
  const { counts, client, ...summed } = sums.summary(
    window.endMs - window.startMs,
  );
  const partial = {
    name,
    load,
    window,
    stopped,
    counts: { ...counts, dropped },
    ...summed,
    client: { ...client, ...health },
  };
  return {
    ...partial,
    ...(slos.length > 0 && { slo: judgeSlos(slos, partial) }),
    verdict: judge(partial),
  };
}
