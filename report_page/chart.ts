import { element } from "./element.ts";
import { unpack } from "./unpack.ts";

/** The part of ECharts that the page uses. */
interface Library {
  init(
    container: HTMLElement,
    theme: null,
    options: { renderer: "svg"; width?: number; height?: number },
  ): Chart;
}

interface Chart {
  setOption(option: object, notMerge: boolean): void;
  resize(size?: { width: number }): void;
  dispose(): void;
  on(event: "click", handler: (event: { data?: unknown }) => void): void;
}

/** Colours of the page's theme. */
export interface Colors {
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly good: string;
  readonly warning: string;
  readonly bad: string;
  /** Of the first and further series. */
  readonly series: readonly [string, string, string, string];
}

/** A chart on the page: its container, and a function that makes its options again for other colours and sizes. */
interface Shown {
  readonly build: (colors: Colors, width: number) => object;
  readonly onClick: ((data: unknown) => void) | undefined;
  chart?: Chart;
}

const shown = new Map<Element, Shown>();
let library: Library | undefined;

/** Charts have the size of their containers, which is known once these are on the page. */
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) draw(target as HTMLElement);
});

/** Runs the chart library that is packed in the page, under the hash that the page's policy names. */
export async function loadCharts(): Promise<void> {
  const source = document.getElementById("echarts")!;
  const script = document.createElement("script");
  script.textContent = await unpack(source.textContent ?? "");
  source.remove();
  document.head.append(script);
  library = (globalThis as unknown as { echarts: Library }).echarts;
  redrawCharts();
}

/**
 * Creates a chart.
 *
 * @param label Read instead of the picture: says what it shows; the values are in a table beside it.
 */
export function chartElement(
  label: string,
  build: Shown["build"],
  { height = 280, onClick }: {
    height?: number;
    onClick?: (data: unknown) => void;
  } = {},
): HTMLElement {
  const container = element("div.chart", { role: "img", "aria-label": label });
  container.style.height = `${height}px`;
  shown.set(container, { build, onClick });
  sizes.observe(container);
  return container;
}

/** Draws a chart again, as what its options are built from has changed. */
export function redrawChart(container: HTMLElement): void {
  draw(container);
}

function draw(container: HTMLElement, width = container.clientWidth): void {
  const entry = shown.get(container);
  if (!entry || !library || width === 0) return;
  if (!entry.chart) {
    entry.chart = library.init(container, null, { renderer: "svg" });
    entry.chart.on("click", ({ data }) => entry.onClick?.(data));
  }
  entry.chart.resize({ width });
  entry.chart.setOption(entry.build(colorsNow(), width), true);
}

/** Draws all charts again: the colours have changed, or the width, as on paper. */
export function redrawCharts(width?: number): void {
  for (const container of shown.keys()) draw(container as HTMLElement, width);
}

/** Whether every chart on the page is drawn. */
export function areChartsDrawn(): boolean {
  return library !== undefined &&
    [...shown].every(([container, { chart }]) =>
      chart || container.clientWidth === 0
    );
}

/** Removes the charts of a part of the page, which is about to be replaced. */
export function disposeCharts(part: Element): void {
  for (const [container, { chart }] of shown) {
    if (!part.contains(container)) continue;
    sizes.unobserve(container);
    chart?.dispose();
    shown.delete(container);
  }
}

function colorsNow(): Colors {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of("ink"),
    muted: of("muted"),
    line: of("line"),
    surface: of("surface"),
    good: of("good"),
    warning: of("warning"),
    bad: of("bad"),
    series: [of("series-1"), of("series-2"), of("series-3"), of("series-4")],
  };
}
