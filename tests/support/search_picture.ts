import type { Capacity, CapacityLevel } from "../../core/run_results.ts";
import { AXIS, drawSvg, LEFT, RIGHT, round, text, TOP } from "./svg.ts";

type Outcome = CapacityLevel["outcome"];

/** Height of the legend, and of a doubling of the level. */
const LEGEND = 38, OCTAVE = 28;

const STYLE = [
  "text{font:12px system-ui,sans-serif;fill:#57606a}",
  "path{fill:none;stroke:#57606a;stroke-width:2}",
  ".axis{stroke:#8c959f;stroke-width:1}",
  ".pass{stroke:#0969da;fill:#0969da}",
  ".fail{stroke:#bc4c00}",
  "rect{fill:#0969da;opacity:.25}",
  "@media(prefers-color-scheme:dark){text{fill:#9198a1}path{stroke:#9198a1}" +
  ".axis{stroke:#656c76}.pass{stroke:#4493f8;fill:#4493f8}" +
  ".fail{stroke:#f0883e}rect{fill:#4493f8}}",
].join("");

const CIRCLE = "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0";

/** The mark of each outcome, drawn from its middle: a disc, a cross, a circle and a square. */
const MARKS: Readonly<Record<Outcome, string>> = {
  pass: CIRCLE,
  fail: "m-4 -4l8 8m0 -8l-8 8",
  undecided: CIRCLE,
  "client-limited": "m-4 -4h8v8h-8z",
  failed: "m-4 -4l8 8m0 -8l-8 8",
};

/**
 * Draws a search for a rate as an SVG: a step for each level, in the order in which they were tried, at its height on a
 * logarithmic scale, and the interval that was found as a band.
 */
export function drawSearch(
  { levels, low, high }: Pick<Capacity, "levels" | "low" | "high">,
): string {
  const rates = levels.map(({ level }) => level);
  const least = Math.min(...rates), most = Math.max(...rates);
  const octaves = Math.log2(most / least);
  const bottom = TOP + LEGEND + OCTAVE * octaves, axis = Math.ceil(bottom) + 14;
  const x = (index: number) =>
    round(LEFT + (RIGHT - LEFT) * index / levels.length);
  const y = (level: number) =>
    round(bottom - OCTAVE * Math.log2(level / least));
  const steps = levels.flatMap(({ level, outcome }, i) => [
    drawStep(outcome, [x(i), x(i + 0.5), x(i + 1)], y(level)),
    text(x(i + 0.5), round(y(level) - 8), `${level}`, "middle"),
  ]);
  const rises = levels.slice(1).map(({ level }, i) =>
    `M${x(i + 1)} ${y(rates[i]!)}V${y(level)}`
  );
  const scale = Array.from(
    { length: Math.floor(octaves) + 1 },
    (_, i) => least * 2 ** i,
  );
  const ticks = scale.map((level) => `M${LEFT} ${y(level)}h-4`);
  return drawSvg(axis + AXIS, STYLE, [
    ...drawLegend([...new Set(levels.map(({ outcome }) => outcome))]),
    ...(low === undefined || high === undefined ? [] : [
      band(LEFT, RIGHT - LEFT, y(high), y(low)),
      band(LEFT + 320, 20, TOP + 2, TOP + 10),
      text(LEFT + 346, TOP + 10, `found: ${low} to ${high}/s`, "start"),
    ]),
    `<path class="axis" d="M${LEFT} ${TOP + 20}V${axis}H${RIGHT}${
      ticks.join("")
    }"/>`,
    `<path class="axis" stroke-dasharray="2 3" d="${rises.join("")}"/>`,
    ...scale.map((level) =>
      text(LEFT - 8, round(y(level) + 4), `${level}/s`, "end")
    ),
    ...steps,
    ...levels.map((_, i) =>
      text(x(i + 0.5), axis + 16, i === 0 ? "level 1" : `${i + 1}`, "middle")
    ),
  ]);
}

/** Draws a level as a line with its mark in the middle. */
function drawStep(
  outcome: Outcome,
  [from, middle, to]: readonly [number, number, number],
  y: number,
): string {
  const line = `M${from} ${y}H${round(middle - 8)}M${
    round(middle + 8)
  } ${y}H${to}`;
  return `<path class="${outcome}" d="${line}M${middle} ${y}${
    MARKS[outcome]
  }"/>`;
}

function drawLegend(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap((outcome, i) => {
    const x = LEFT + 4 + i * 100;
    return [
      `<path class="${outcome}" d="M${x} ${TOP + 6}${MARKS[outcome]}"/>`,
      text(x + 10, TOP + 10, outcome, "start"),
    ];
  });
}

function band(x: number, width: number, from: number, to: number): string {
  return `<rect x="${x}" y="${from}" width="${width}" height="${
    round(to - from)
  }"/>`;
}
