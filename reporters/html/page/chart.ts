import { element } from "./element.ts";
import { unpack } from "./unpack.ts";

/** The part of ECharts that the page uses. */
interface Charts {
  init(
    container: HTMLElement,
    theme: null,
    options: { renderer: "svg" },
  ): Chart;
}

/** A chart on the page. */
export interface Chart {
  setOption(option: object, notMerge?: boolean): void;
  resize(): void;
  dispose(): void;
  on(event: string, handler: (parameters: { data: unknown }) => void): void;
}

/** Runs the chart library that is packed in the page, under the hash that the page's policy names. */
export async function loadCharts(): Promise<Charts> {
  const source = document.getElementById("echarts")!.textContent!;
  const script = document.createElement("script");
  script.textContent = await unpack(source);
  document.head.append(script);
  return (globalThis as unknown as { echarts: Charts }).echarts;
}

/** Creates a container with a chart; the description is read instead of it. */
export function chartElement(description: string): HTMLElement {
  return element("div.chart", { role: "img", "aria-label": description });
}
