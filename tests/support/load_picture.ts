import type { Sample } from "../../core/sample.ts";

/** Width of a picture, and its left and right edge of the time axis, in pixels. */
const WIDTH = 720, LEFT = 62, RIGHT = 710;
const LANE = 5, STARTS = 12, AXIS = 22, TOP = 6;

const STYLE = [
  "text{font:12px system-ui,sans-serif;fill:#57606a}",
  "path{fill:none}",
  ".axis{stroke:#8c959f}",
  ".requests{stroke:#0969da;stroke-width:3}",
  ".starts{stroke:#bc4c00}",
  "@media(prefers-color-scheme:dark){text{fill:#9198a1}.axis{stroke:#656c76}" +
  ".requests{stroke:#4493f8}.starts{stroke:#f0883e}}",
].join("");

/**
 * Draws requests over time as an SVG: each as a line in the lowest lane that is free, and its start as a tick below.
 * What is after `endMs` is left out.
 */
export function drawLoad(samples: readonly Sample[], endMs: number): string {
  const x = (atMs: number) => round(LEFT + (RIGHT - LEFT) * atMs / endMs);
  const shown = samples.filter(({ dispatchedMs }) => dispatchedMs < endMs)
    .toSorted((a, b) => a.dispatchedMs - b.dispatchedMs);
  const lanes = lanesOf(shown);
  const count = Math.max(...lanes) + 1;
  const bottom = TOP + count * LANE, axis = bottom + STARTS + 6;
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
  const height = axis + AXIS;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<style>${STYLE}</style>`,
    text(LEFT - 8, bottom - 1, "requests", "end"),
    `<path class="requests" d="${requests.join("")}"/>`,
    text(LEFT - 8, bottom + STARTS + 3, "starts", "end"),
    `<path class="starts" d="${starts.join("")}"/>`,
    `<path class="axis" d="M${LEFT} ${axis}H${RIGHT}${marks.join("")}"/>`,
    ...labels,
    "</svg>\n",
  ].join("\n");
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

function text(x: number, y: number, words: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
