import type { PageData } from "../page_data.ts";
import { answerOf } from "./answer.ts";
import { chartElement, loadCharts } from "./chart.ts";
import { curvePoints } from "./curve.ts";
import { element } from "./element.ts";
import { unpack } from "./unpack.ts";

const page = document.getElementById("page")!;
const charts = loadCharts();

async function show(data: PageData): Promise<void> {
  const chart = chartElement("Throughput against p95 latency of each stage");
  page.replaceChildren(
    element("h1", {}, "earshot"),
    ...answerOf(data).map(({ tone, text }) =>
      element("p", { class: tone }, text)
    ),
    chart,
  );
  const reports = data.stages.map(({ report }) => report);
  const points = curvePoints(reports, "latency", "p95");
  (await charts).init(chart, null, { renderer: "svg" }).setOption({
    animation: false,
    xAxis: { name: "requests/s" },
    yAxis: { name: "p95 E2E latency, ms" },
    series: [{
      type: "line",
      data: points.map(({ load, value }) => [load, value]),
    }],
  });
}

/** Shows the data of the page, and what its stream of events sends. */
async function main(): Promise<void> {
  const packed = document.getElementById("data")!.textContent;
  if (packed) await show(JSON.parse(await unpack(packed)));
  const { events } = document.body.dataset;
  if (events === undefined) return;
  const source = new EventSource(events);
  source.onmessage = ({ data }) => void show(JSON.parse(data));
}

void main();
