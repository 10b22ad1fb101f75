import type { Configured, Progress, Reporter } from "../plugins/mod.ts";

/** Reporter of progress: one live line on a terminal, otherwise a line every 10 s. */
export interface ProgressReporter extends Configured<"reporter"> {
  /** Clears the line, calls `write`, and shows the line again. */
  aside(write: () => void): void;
}

/** Output of the progress line. */
export interface Screen {
  /** Whether it is a terminal. */
  readonly live: boolean;
  /** Number of columns. */
  columns(): number;
  /** Writes text unchanged. */
  write(text: string): void;
}

/** Time between two lines if there is no terminal. */
const EVERY_MS = 10_000;

/** Creates the reporter of progress on standard error. */
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

/** Returns a function that writes a line every 10 s of the run's clock. */
function inLines(screen: Screen): (snapshot: Progress) => void {
  let nextMs = EVERY_MS;
  return (snapshot) => {
    if (snapshot.atMs < nextMs) return;
    nextMs = (Math.floor(snapshot.atMs / EVERY_MS) + 1) * EVERY_MS;
    screen.write(`${progressRecord(snapshot)}\n`);
  };
}

/** Formats progress for logs and programs, as `key=value`: `progress seconds=10 stage=0 name="8 streams" phase=measure ok=41 …`. */
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

/** Formats progress for people: `8 streams · 12 s left · 41 ok, 2 failed · 8 in flight · 1.9/s · ttft 410 ms`. */
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
