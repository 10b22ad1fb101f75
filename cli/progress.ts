import type { Configured, Progress, Reporter } from "../plugins/mod.ts";

/** Shows how a run goes on: on one line of the terminal, or in a pipe by a line every 10 s. */
export interface ProgressReporter extends Configured<"reporter"> {
  /** Clears the line, calls `write`, and shows the line again. */
  aside(write: () => void): void;
}

/** Where the line is shown. */
export interface Screen {
  /** Whether there is someone to look at it. */
  readonly live: boolean;
  /** Columns. */
  columns(): number;
  /** Writes text as it is. */
  write(text: string): void;
}

/** How often a line is written where there is no terminal. */
const EVERY_MS = 10_000;

/** Makes one for standard error. */
export function progressReporter(
  { quiet, screen = terminal() }: { quiet: boolean; screen?: Screen },
): ProgressReporter {
  const live = !quiet && screen.live;
  let line = "";
  const clear = () => {
    if (line !== "") screen.write("\r\x1b[K");
  };
  const show = (text: string) => {
    clear();
    line = text.slice(0, screen.columns() - 1);
    screen.write(line);
  };
  const reporter: Reporter = live
    ? {
      progress: (snapshot) => show(progressLine(snapshot)),
      stage() {
        clear();
        line = "";
      },
      report() {},
    }
    : quiet
    ? { report() {} }
    : { progress: inLines(screen), report() {} };
  if (live) show("loading …");
  return {
    kind: "reporter",
    name: "progress",
    options: {},
    open: () =>
      Promise.resolve({
        ...reporter,
        [Symbol.asyncDispose]() {
          clear();
          line = "";
          return Promise.resolve();
        },
      }),
    aside(write) {
      clear();
      write();
      if (line !== "") screen.write(line);
    },
  };
}

/** Writes a line now and then, by the run's own time. */
function inLines(screen: Screen): (snapshot: Progress) => void {
  let nextMs = EVERY_MS;
  return (snapshot) => {
    if (snapshot.atMs < nextMs) return;
    nextMs = (Math.floor(snapshot.atMs / EVERY_MS) + 1) * EVERY_MS;
    screen.write(`${progressRecord(snapshot)}\n`);
  };
}

/** The same for logs and programs, as `key=value`: `progress seconds=10 stage=0 name="8 streams" phase=measure ok=41 …`. */
export function progressRecord(
  {
    atMs,
    stage,
    name,
    phase,
    counts,
    inFlight,
    requestsPerSecond,
    remainingMs,
    remainingRequests,
    medians,
  }: Progress,
): string {
  const fields = {
    seconds: Math.round(atMs / 1000),
    stage,
    name: JSON.stringify(name),
    phase,
    ...counts,
    inFlight,
    requestsPerSecond: Number(requestsPerSecond.toFixed(2)),
    secondsLeft: remainingMs === undefined
      ? undefined
      : Math.ceil(remainingMs / 1000),
    requestsLeft: remainingRequests,
    ...Object.fromEntries(
      Object.entries(medians).map(([metric, ms]) => [
        `${metric}Ms`,
        Math.round(ms),
      ]),
    ),
  };
  const pairs = Object.entries(fields).filter(([, value]) =>
    value !== undefined
  );
  return ["progress", ...pairs.map(([key, value]) => `${key}=${value}`)]
    .join(" ");
}

/** A run at a glance: `8 streams · 12 s left · 41 ok, 2 failed · 8 in flight · 1.9/s · ttft 410 ms`. */
export function progressLine(
  { name, phase, counts, inFlight, requestsPerSecond, medians, ...left }:
    Progress,
): string {
  const failed = counts.error + counts.timeout + counts.cancelled;
  const parts = [
    name,
    phase === "measure"
      ? remaining(left)
      : phase === "warmup"
      ? "warming up"
      : "waiting for the last",
    `${counts.ok} ok${failed > 0 ? `, ${failed} failed` : ""}`,
    `${inFlight} in flight`,
    `${requestsPerSecond.toFixed(1)}/s`,
    ...(counts.dropped > 0 ? [`${counts.dropped} dropped`] : []),
    ...Object.entries(medians).map(([metric, ms]) =>
      `${metric} ${Math.round(ms)} ms`
    ),
  ];
  return parts.filter((part) => part !== "").join(" · ");
}

function remaining(
  { remainingMs, remainingRequests }: Pick<
    Progress,
    "remainingMs" | "remainingRequests"
  >,
): string {
  return [
    ...(remainingMs !== undefined
      ? [`${Math.ceil(remainingMs / 1000)} s left`]
      : []),
    ...(remainingRequests !== undefined
      ? [`${remainingRequests} to start`]
      : []),
  ].join(", ");
}

function terminal(): Screen {
  return {
    live: Deno.stderr.isTerminal(),
    columns() {
      try {
        return Deno.consoleSize().columns;
      } catch {
        return 80;
      }
    },
    write(text) {
      try {
        Deno.stderr.writeSync(new TextEncoder().encode(text));
      } catch {
        // The terminal is gone.
      }
    },
  };
}
