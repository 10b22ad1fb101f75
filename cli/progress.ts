import { MAX_CLIENT_SHARE } from "../core/verdict.ts";
import type { Configured, Progress, Reporter } from "../plugins/mod.ts";
import { createLook } from "../reporters/console/layout.ts";
import { liveFrame } from "./live/frame.ts";
import { LiveStats } from "./live/live_stats.ts";
import { LiveBlock, type Screen, standardError } from "./live/screen.ts";

/** Reporter of progress: a live view on a terminal, otherwise a line every 10 s. */
export interface ProgressReporter extends Configured<"reporter">, Disposable {
  /** Removes the view, calls `write`, and shows the view again. */
  aside(write: () => void): void;
}

/** Options of {@linkcode progressReporter}. */
export interface ProgressOptions {
  /** Whether nothing is shown. @default {false} */
  readonly quiet?: boolean | undefined;
  /** Whether a terminal gets a view that is renewed in place. @default {true} */
  readonly live?: boolean | undefined;
  /** Use of colour. @default {"auto"} */
  readonly color?: string | undefined;
  /** Number of stages of the run, if it is known. */
  readonly stages?: number | undefined;
  /** Interrupts the run: the view makes room for a message about that. */
  readonly signal?: AbortSignal;
  /** @default Standard error */
  readonly screen?: Screen;
}

/** Creates the reporter of progress. */
export function progressReporter(
  { quiet, live = true, screen = standardError(), ...options }: ProgressOptions,
): ProgressReporter {
  if (quiet) return silent();
  return live && screen.isTerminal
    ? liveView(screen, options)
    : inLines(screen);
}

function silent(): ProgressReporter {
  return configured(
    { report() {} },
    { aside: (write) => write(), [Symbol.dispose]() {} },
  );
}

function configured(
  reporter: Reporter,
  rest: Pick<ProgressReporter, "aside" | typeof Symbol.dispose>,
): ProgressReporter {
  return {
    kind: "reporter",
    name: "progress",
    options: {},
    open: () => Promise.resolve(reporter),
    ...rest,
  };
}

/** A view of several lines: renewed with each state of the run, removed when a stage ends or the run is interrupted. */
function liveView(
  screen: Screen,
  { color = "auto", stages, signal }: Omit<ProgressOptions, "screen">,
): ProgressReporter {
  const block = new LiveBlock(screen);
  const stats = new LiveStats();
  const { paint } = createLook({
    width: 0,
    charts: screen.isUnicode,
    color: color === "always" || (color !== "never" && screen.hasColor),
  });
  let maxClientShare = MAX_CLIENT_SHARE;

  function draw(): void {
    const state = stats.state();
    if (!state) return;
    const { columns, rows } = screen.size();
    block.show(liveFrame(state, { stages, maxClientShare }, {
      width: columns - 1,
      height: rows - 1,
      isUnicode: screen.isUnicode,
      paint,
    }));
  }

  const removeListener = screen.onResize(() => {
    if (block.isShown) draw();
  });
  block.show(["loading …"]);
  const reporter: Reporter = {
    start({ run }) {
      maxClientShare = run.config.maxClientShare ?? MAX_CLIENT_SHARE;
    },
    samples: (batch) => stats.samples(batch),
    progress(snapshot) {
      stats.progress(snapshot);
      draw();
    },
    stage: () => block.clear(),
    report: () => block.clear(),
  };
  const clear = () => block.clear();
  signal?.addEventListener("abort", clear, { once: true });
  return configured(reporter, {
    aside: (write) => block.aside(write),
    [Symbol.dispose]() {
      removeListener();
      signal?.removeEventListener("abort", clear);
      clear();
    },
  });
}

/** Time between two lines if there is no view, in milliseconds. */
const EVERY_MS = 10_000;

/** Writes a line every 10 s of the run's clock. */
function inLines(screen: Screen): ProgressReporter {
  let nextMs = EVERY_MS;
  const reporter: Reporter = {
    progress(snapshot) {
      if (snapshot.atMs < nextMs) return;
      nextMs = (Math.floor(snapshot.atMs / EVERY_MS) + 1) * EVERY_MS;
      screen.write(`${progressRecord(snapshot)}\n`);
    },
    report() {},
  };
  return configured(reporter, {
    aside: (write) => write(),
    [Symbol.dispose]() {},
  });
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
