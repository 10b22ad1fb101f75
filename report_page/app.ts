import type { PageData } from "../reporters/html/page_data.ts";
import { answerSection } from "./answer_section.ts";
import {
  areChartsDrawn,
  disposeCharts,
  loadCharts,
  redrawCharts,
} from "./chart.ts";
import { configurationSection } from "./configuration_section.ts";
import { curveSection } from "./curve_section.ts";
import { distributionSection } from "./distribution_section.ts";
import { element } from "./element.ts";
import { failuresSection } from "./failures_section.ts";
import { header, type Theme, titleOf } from "./header.ts";
import { lanesSection } from "./lanes_section.ts";
import { showLive } from "./live.ts";
import { seriesSection } from "./series_section.ts";
import { speechSection } from "./speech_section.ts";
import { stageSection } from "./stage_section.ts";
import { type Choices, firstChoices, type View } from "./state.ts";
import { unpack } from "./unpack.ts";

/** A part of the page, and the choices that it depends on. */
interface Part {
  readonly render: (view: View) => HTMLElement | undefined;
  readonly uses: readonly (keyof Choices)[];
}

const parts: readonly Part[] = [
  { render: answerSection, uses: ["stage"] },
  { render: curveSection, uses: ["curve"] },
  { render: stageSection, uses: ["stage"] },
  { render: distributionSection, uses: ["stage", "distribution"] },
  { render: seriesSection, uses: ["stage", "series", "failure"] },
  { render: failuresSection, uses: ["stage", "failure"] },
  { render: speechSection, uses: ["stage"] },
  {
    render: lanesSection,
    uses: ["stage", "failure", "lanes", "request"],
  },
  { render: configurationSection, uses: [] },
];

/** Width of the charts on paper, in pixels: A4 with usual margins. */
const PAPER_WIDTH = 660;

const page = document.getElementById("page")!;
const places = parts.map(() => element("div"));
let shownHeader: HTMLElement | undefined;
let data: PageData | undefined;
let choices: Choices | undefined;
let hasChosen = false;
let theme: Theme = "auto";

/** Shows data in place of what is shown, with the choices that the reader has made. */
function show(next: PageData): void {
  const isFirst = data === undefined;
  data = next;
  // A live page follows the run until the reader makes a choice.
  if (!hasChosen) choices = firstChoices(next);
  document.title = `${titleOf(next)} – earshot report`;
  showHeader();
  if (isFirst) page.replaceChildren(shownHeader!, ...places);
  showParts(parts.map((_, i) => i));
}

function showHeader(): void {
  const made = header(data!, { theme, onTheme: setTheme });
  shownHeader?.replaceWith(made);
  shownHeader = made;
}

function choose(changes: Partial<Choices>): void {
  hasChosen = true;
  const before = choices!;
  choices = { ...before, ...changes };
  showParts(
    parts.flatMap(({ uses }, i) =>
      uses.some((name) => before[name] !== choices![name]) ? [i] : []
    ),
  );
}

function remember(changes: Partial<Choices>): void {
  hasChosen = true;
  choices = { ...choices!, ...changes };
}

/** Renders parts again. What has the focus, and what is open, stays so. */
function showParts(indexes: readonly number[]): void {
  const focused = document.activeElement?.id;
  const view: View = { data: data!, choices: choices!, choose, remember };
  for (const i of indexes) {
    const place = places[i]!;
    const open = [...place.querySelectorAll("details[open]")].map(({ id }) =>
      id
    );
    const scrolled = [...place.querySelectorAll(".scrolls")].map((box) =>
      box.scrollLeft
    );
    disposeCharts(place);
    const made = parts[i]!.render(view);
    place.replaceChildren(...(made ? [made] : []));
    for (const each of place.querySelectorAll("details")) {
      each.open = open.includes(each.id);
    }
    for (const [at, box] of [...place.querySelectorAll(".scrolls")].entries()) {
      box.scrollLeft = scrolled[at] ?? 0;
    }
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function setTheme(next: Theme): void {
  theme = next;
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  redrawCharts();
}

/** Paper is white and has one width. */
function watchPrinting(): void {
  addEventListener("beforeprint", () => {
    document.documentElement.dataset["theme"] = "light";
    redrawCharts(PAPER_WIDTH);
  });
  addEventListener("afterprint", () => setTheme(theme));
  matchMedia("(prefers-color-scheme: dark)").addEventListener(
    "change",
    () => redrawCharts(),
  );
}

/** Shows the data of the page, and then what its stream of events sends. */
async function main(): Promise<void> {
  watchPrinting();
  const packed = document.getElementById("data")!;
  const text = packed.textContent ?? "";
  packed.remove();
  if (text !== "") show(JSON.parse(await unpack(text)) as PageData);
  const { events } = document.body.dataset;
  if (events !== undefined) showLive(events, show);
  await loadCharts();
  const whenDrawn = () => {
    if (areChartsDrawn()) document.documentElement.dataset["ready"] = "true";
    else requestAnimationFrame(whenDrawn);
  };
  whenDrawn();
}

void main();
