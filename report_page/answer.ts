import type { Capacity, SloResult, StageReport } from "../plugins/mod.ts";
import type { PageData } from "../reporters/html/page_data.ts";
import { formatNumber, formatValue, plural } from "./format.ts";
import { metricOf, reportsOf, stageName } from "./state.ts";

/** One statement of the answer. */
export interface Statement {
  /** Its subject: `Capacity`. */
  readonly topic: string;
  /** Whether it is good, to be careful about, bad, or a fact. */
  readonly tone: "good" | "warning" | "bad" | "plain";
  /** The statement, in sentences. */
  readonly text: string;
  /** Parts of it, one for each stage, in a list. */
  readonly items?: readonly string[];
  /** Text of the server or the system, quoted after it. */
  readonly quote?: string;
}

/** Names in a list before it is cut. */
const MOST_NAMES = 6;

/** The answer of a run: how it ended, the capacity that was found, objectives, soundness, failures and throughput. */
export function answerOf(data: PageData): Statement[] {
  const reports = reportsOf(data);
  const statements = [
    ...endStatements(data),
    ...(data.end?.capacities ?? []).map(capacityStatement),
  ];
  if (reports.length === 0) return statements;
  return [
    ...statements,
    ...objectiveStatements(data),
    soundnessStatement(data),
    ...clientStatements(data),
    failureStatement(reports),
    ...throughputStatements(data),
    ...skippedStatements(data),
  ];
}

function endStatements({ end, progress, stages }: PageData): Statement[] {
  if (end?.error !== undefined) {
    return [{
      topic: "Ended early",
      tone: "bad",
      text: "An error ended the run. Results are of the time until then.",
      quote: end.error,
    }];
  }
  if (end?.interrupted) {
    return [{
      topic: "Interrupted",
      tone: "warning",
      text: "The run was interrupted. Results are of the time until then.",
    }];
  }
  if (!end && progress) {
    return [{
      topic: "Running",
      tone: "plain",
      text:
        "The run goes on: stages that have not ended show their requests so far.",
    }];
  }
  return stages.length === 0
    ? [{ topic: "Nothing measured", tone: "bad", text: "No stage began." }]
    : [];
}

function capacityStatement(capacity: Capacity): Statement {
  const { of, status, low, high, confidence, slos, ended } = capacity;
  const unit = of === "rate" ? "requests/s" : "streams";
  const objectives = slos.join(", ");
  const sure = `at ${formatNumber(100 * confidence)} % confidence`;
  const more = ended === undefined ? "" : ` The search ended early: ${ended}.`;
  const load = (level: number | undefined) => `${level ?? "?"} ${unit}`;
  const texts = {
    found: `The server keeps ${objectives} at ${load(low)} and misses it at ${
      load(high)
    }, ${sure}.`,
    "at-least": `The server keeps ${objectives} at ${
      load(low)
    }, ${sure}; no higher load was decided.`,
    below: `The server misses ${objectives} at ${
      load(high)
    }, ${sure}; no lower load kept it.`,
    undecided: `No load was decided for ${objectives}.`,
    "not-monotone": `${objectives} was kept and missed in turns around ${
      load(low ?? high)
    }, so that there is no single capacity.`,
  };
  return {
    topic: "Capacity",
    tone: status === "found" || status === "at-least" ? "good" : "warning",
    text: texts[status] + more,
  };
}

/** A statement for each objective. The levels of a search are in its own statement: some must miss. */
function objectiveStatements(data: PageData): Statement[] {
  const levels = new Set(
    data.end?.capacities?.flatMap(({ levels }) =>
      levels.map(({ stage }) => stage)
    ),
  );
  const results = data.stages.flatMap(({ report }, i) =>
    levels.has(i) ? [] : (report?.slo ?? []).map((result) => ({
      ...result,
      name: stageName(data, i),
    }))
  );
  const byObjective = Map.groupBy(results, ({ objective }) => objective);
  return [...byObjective].map(([objective, results]) => {
    const missed = results.filter(({ pass }) => !pass);
    const met = results.filter(({ pass }) => pass);
    const measured = (result: typeof results[number]) =>
      `${result.name} (${valueOf(result)})`;
    const all = `all ${results.length} stages`;
    const isSame = results.every(({ value }) => value === results[0]!.value);
    const text = results.length === 1
      ? `${missed.length > 0 ? "Missed" : "Met"}: ${measured(results[0]!)}.`
      : missed.length === 0 && isSame
      ? `Met by ${all}, each with ${valueOf(results[0]!)}.`
      : missed.length === 0
      ? `Met by ${all}; nearest to the limit was ${measured(nearest(results))}.`
      : met.length === 0
      ? `Missed by ${all}: ${listed(missed.map(measured))}.`
      : `Met by ${listed(met.map(measured))}. Missed by ${
        listed(missed.map(measured))
      }.`;
    return {
      topic: objective,
      tone: missed.length > 0 ? "bad" : "good",
      text,
    };
  });
}

function valueOf({ value, unit }: SloResult): string {
  return value === undefined ? "no data" : formatValue(value, unit);
}

/** The result whose value is nearest to its limit. */
function nearest<T extends SloResult>(results: readonly T[]): T {
  const distance = ({ value = 0, limit }: SloResult) => Math.abs(value - limit);
  return results.reduce((a, b) => distance(b) < distance(a) ? b : a);
}

function soundnessStatement(data: PageData): Statement {
  const stages = data.stages.flatMap(({ report }, i) =>
    report ? [{ verdict: report.verdict, name: stageName(data, i) }] : []
  );
  const bad = stages.filter(({ verdict }) => verdict.status !== "valid");
  if (bad.length === 0) {
    return {
      topic: "Measurement",
      tone: "good",
      text: stages.length === 1
        ? "Sound: the server was measured, and the client was not the limit."
        : `Sound: in all ${stages.length} stages the server was measured, and the client was not the limit.`,
    };
  }
  const isFailed = bad.every(({ verdict }) => verdict.status === "failed");
  const all = bad.length === stages.length;
  const items = bad.slice(0, MOST_NAMES).map(({ name, verdict }) => {
    const [reason = "", ...more] = verdict.reasons;
    const rest = more.length > 0 ? "; more below" : "";
    const words = VERDICTS[verdict.status];
    // The reason of a stage without a success begins with the same words.
    return reason.startsWith(words)
      ? `${name}: ${reason}${rest}`
      : `${name}: ${words} – ${reason}${rest}`;
  });
  const unnamed = bad.length - items.length;
  return {
    topic: "Measurement",
    tone: isFailed && all ? "bad" : "warning",
    text: all
      ? "Not sound:"
      : `Sound in ${
        stages.length - bad.length
      } of ${stages.length} stages, but not in these:`,
    items: unnamed > 0 ? [...items, `${unnamed} more stages`] : items,
  };
}

/** Verdicts in words. */
export const VERDICTS: Readonly<
  Record<StageReport["verdict"]["status"], string>
> = {
  valid: "valid",
  "client-limited": "the client was the limit, not the server",
  "too-few-samples": "too few requests to judge",
  failed: "no request succeeded",
};

/** How much the client can have added to the p99 of a headline metric, in the stage where it is the most. */
function clientStatements(data: PageData): Statement[] {
  const shares = ["ttftShare", "finalizationShare", "latencyShare"] as const;
  const parts = shares.flatMap((share) => {
    const stages = data.stages.flatMap(({ report }, i) => {
      const added = report?.client[share]?.added.p99;
      return added === undefined ? [] : [{ added, name: stageName(data, i) }];
    });
    const most = stages.sort((a, b) => b.added - a.added)[0];
    const { label } = metricOf(data, share.replace("Share", ""));
    return most
      ? [
        `${formatValue(most.added, "ms")} to the p99 ${label}${
          stages.length > 1 ? ` (${most.name})` : ""
        }`,
      ]
      : [];
  });
  if (parts.length === 0) return [];
  return [{
    topic: "Client",
    tone: "plain",
    text: `This client can have added at most ${listed(parts)}.`,
  }];
}

function failureStatement(reports: readonly StageReport[]): Statement {
  let [failed, all] = [0, 0];
  for (const { counts: { ok, error, timeout } } of reports) {
    failed += error + timeout;
    all += ok + error + timeout;
  }
  const dropped = reports.reduce((sum, { counts }) => sum + counts.dropped, 0);
  const more = dropped > 0
    ? ` ${plural(dropped, "arrival")} never started.`
    : "";
  if (failed === 0) {
    return {
      topic: "Failures",
      tone: dropped > 0 ? "warning" : "good",
      text: `None of ${plural(all, "request")} failed.${more}`,
    };
  }
  const kinds = Map.groupBy(
    reports.flatMap(({ failures }) => failures),
    nameOf,
  );
  const [most] = [...kinds].map(([name, notes]) => ({
    name,
    count: notes.reduce((sum, { count }) => sum + count, 0),
    message: notes[0]!.message,
  })).sort((a, b) => b.count - a.count);
  return {
    topic: "Failures",
    tone: failed / all > 0.01 ? "bad" : "warning",
    text: `${plural(failed, "request")} of ${formatNumber(all)} failed (${
      formatValue(failed / all, "share")
    }).${more}${
      most ? ` The most frequent failure is ${most.name}, the first:` : ""
    }`,
    ...(most && { quote: most.message }),
  };
}

function nameOf({ class: name, code }: { class: string; code?: string }) {
  return code === undefined ? name : `${name} ${code}`;
}

function throughputStatements(data: PageData): Statement[] {
  const stages = data.stages.flatMap(({ report }, i) =>
    report?.rates.requestsPerSecond === undefined
      ? []
      : [{ rates: report.rates, name: stageName(data, i) }]
  );
  const best =
    stages.sort((a, b) =>
      b.rates.requestsPerSecond! - a.rates.requestsPerSecond!
    )[0];
  if (!best || best.rates.requestsPerSecond === 0) return [];
  const { rates, name } = best;
  const parts = [
    formatValue(rates.requestsPerSecond!, "count") + " requests/s",
    ...(rates.rtfxAggregate !== undefined
      ? [`${formatNumber(rates.rtfxAggregate)} seconds of audio per second`]
      : rates.outputTokensPerSecond !== undefined
      ? [`${formatNumber(rates.outputTokensPerSecond)} output tokens/s`]
      : []),
  ];
  return [{
    topic: "Throughput",
    tone: "plain",
    text: stages.length > 1
      ? `At most ${parts.join(", ")}, with ${name}.`
      : `${parts.join(", ")}.`,
  }];
}

function skippedStatements({ end }: PageData): Statement[] {
  const { count = 0, items: [first] = [] } = end?.skipped ?? {};
  if (count === 0) return [];
  return [{
    topic: "Data",
    tone: "warning",
    text: `${plural(count, "item")} could not be used. The first:`,
    ...(first && { quote: `${first.id}: ${first.reason}` }),
  }];
}

/** Joins names: `a, b and c`; many are cut. */
function listed(names: readonly string[]): string {
  const shown = names.length > MOST_NAMES
    ? [
      ...names.slice(0, MOST_NAMES - 1),
      `${names.length - MOST_NAMES + 1} more`,
    ]
    : names;
  return shown.length < 2
    ? shown.join("")
    : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
