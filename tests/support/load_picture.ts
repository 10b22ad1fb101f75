import type { Sample } from "../../core/sample.ts";
import { AXIS, drawSvg, LEFT, RIGHT, round, text, TOP } from "./svg.ts";

const LANE = 5, STARTS = 12, STAGES = 18;

const STYLE = [
  "text{font:12px system-ui,sans-serif;fill:#57606a}",
  "path{fill:none}",
  ".axis{stroke:#8c959f}",
  ".requests{stroke:#0969da;stroke-width:3}",
  ".starts{stroke:#bc4c00}",
  "@media(prefers-color-scheme:dark){text{fill:#9198a1}.axis{stroke:#656c76}" +
  ".requests{stroke:#4493f8}.starts{stroke:#f0883e}}",
].join("");

/** Options of {@linkcode drawLoad}. */
export interface LoadPicture {
  /** End of the time axis; what is after it is left out. */
  readonly endMs: number;
  /** Stages, each with the time at which it starts and what is written above it. @default {[]} */
  readonly stages?: readonly (readonly [startMs: number, label: string])[];
}

/** Draws requests over time as an SVG: each as a line in the lowest lane that is free, and its start as a tick below. */
export function drawLoad(
  samples: readonly Sample[],
  { endMs, stages = [] }: LoadPicture,
): string {
  const x = (atMs: number) => round(LEFT + (RIGHT - LEFT) * atMs / endMs);
  const shown = samples.filter(({ dispatchedMs }) => dispatchedMs < endMs)
    .toSorted((a, b) => a.dispatchedMs - b.dispatchedMs);
  const lanes = lanesOf(shown);
  const count = Math.max(...lanes) + 1;
  const top = stages.length > 0 ? TOP + STAGES : TOP;
  const bottom = top + count * LANE, axis = bottom + STARTS + 6;
  const requests = shown.map(({ dispatchedMs, endedMs }, i) => {
    const y = bottom - lanes[i]! * LANE - LANE / 2;
    // A gap between two requests of a lane.
    const to = Math.max(x(dispatchedMs) + 1, x(Math.min(endedMs, endMs)) - 1);
    return `M${x(dispatchedMs)} ${y}H${round(to)}`;
  });
  const starts = shown.map(({ dispatchedMs }) =>
    `M${x(dispatchedMs)} ${bottom + 4}v${STARTS}`
  );
  const seconds = Array.from({ length: endMs / 1000 + 1 }, (_, i) => i);
  const marks = seconds.map((s) => `M${x(s * 1000)} ${axis}v4`);
  const labels = seconds.filter((s) => s % 2 === 0).map((s) =>
    text(x(s * 1000), axis + 16, `${s}${s === 0 ? " s" : ""}`, "middle")
  );
  const borders = stages.map(([startMs]) => `M${x(startMs)} ${TOP}V${axis}`);
  return drawSvg(axis + AXIS, STYLE, [
    ...(stages.length > 0
      ? [`<path class="axis" stroke-dasharray="2 3" d="${borders.join("")}"/>`]
      : []),
    ...stages.map(([startMs, label]) =>
      text(round(x(startMs) + 4), TOP + 10, label, "start")
    ),
    text(LEFT - 8, bottom - 1, "requests", "end"),
    `<path class="requests" d="${requests.join("")}"/>`,
    text(LEFT - 8, bottom + STARTS + 3, "starts", "end"),
    `<path class="starts" d="${starts.join("")}"/>`,
    `<path class="axis" d="M${LEFT} ${axis}H${RIGHT}${marks.join("")}"/>`,
    ...labels,
  ]);
}

/** The lowest lane for each request that no other is in at the time. */
function lanesOf(samples: readonly Sample[]): number[] {
  const freeMs: number[] = [];
  return samples.map(({ dispatchedMs, endedMs }) => {
    const free = freeMs.findIndex((atMs) => atMs <= dispatchedMs);
    const lane = free < 0 ? freeMs.length : free;
    freeMs[lane] = endedMs;
    return lane;
  });
}
