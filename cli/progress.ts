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
  let line = "";
  const clear = () => {
    if (line !== "") screen.write("\r\x1b[K");
  };
  const show = (text: string) => {
    clear();
    line = text.slice(0, screen.columns() - 1);
    screen.write(line);
  };
  const end = () => {
    clear();
    line = "";
  };
  const progress: Reporter["progress"] = screen.live
    ? (snapshot) => show(progressLine(snapshot))
    : inLines(screen);
  const reporter: Reporter = {
    ...(!quiet && { progress }),
    stage: end,
    report() {},
    [Symbol.asyncDispose]: () => Promise.resolve(end()),
  };
  if (screen.live && !quiet) show("loading …");
  return {
    kind: "reporter",
    name: "progress",
    options: {},
    open: () => Promise.resolve(reporter),
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
export function progressRecord(snapshot: Progress): string {
  const { atMs, requestsPerSecond, remainingMs, medians } = snapshot;
  const fields = {
    seconds: Math.round(atMs / 1000),
    stage: snapshot.stage,
    name: JSON.stringify(snapshot.name),
    phase: snapshot.phase,
    ...snapshot.counts,
    inFlight: snapshot.inFlight,
    requestsPerSecond: Number(requestsPerSecond.toFixed(2)),
    secondsLeft: remainingMs && Math.ceil(remainingMs / 1000),
    requestsLeft: snapshot.remainingRequests,
    ...Object.fromEntries(
      Object.entries(medians).map((
        [name, ms],
      ) => [`${name}Ms`, Math.round(ms)]),
    ),
  };
  const pairs = Object.entries(fields).filter(([, value]) =>
    value !== undefined
  );
  return ["progress", ...pairs.map(([key, value]) => `${key}=${value}`)]
    .join(" ");
}

/** Formats progress for people: `8 streams · 12 s left · 41 ok, 2 failed · 8 in flight · 1.9/s · ttft 410 ms`. */
export function progressLine(snapshot: Progress): string {
  const { counts, medians, phase } = snapshot;
  const failed = counts.error + counts.timeout + counts.cancelled;
  const parts = [
    snapshot.name,
    ...(phase === "measure" ? remaining(snapshot) : [PHASES[phase]]),
    `${counts.ok} ok${failed > 0 ? `, ${failed} failed` : ""}`,
    `${snapshot.inFlight} in flight`,
    `${snapshot.requestsPerSecond.toFixed(1)}/s`,
    ...(counts.dropped > 0 ? [`${counts.dropped} dropped`] : []),
    ...Object.entries(medians).map(([metric, ms]) =>
      `${metric} ${Math.round(ms)} ms`
    ),
  ];
  return parts.join(" · ");
}

const PHASES = {
  warmup: "warming up",
  cooldown: "cooling down",
  drain: "waiting for the last",
} as const;

function remaining({ remainingMs, remainingRequests }: Progress): string[] {
  const parts = [
    ...(remainingMs === undefined
      ? []
      : [`${Math.ceil(remainingMs / 1000)} s left`]),
    ...(remainingRequests === undefined
      ? []
      : [`${remainingRequests} to start`]),
  ];
  return parts.length > 0 ? [parts.join(", ")] : [];
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
