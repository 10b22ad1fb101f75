import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import echarts from "echarts/dist/echarts.min.js" with { type: "text" };
import answer from "../../report_page/answer.ts?source" with { type: "text" };
import answerSection from "../../report_page/answer_section.ts?source" with {
  type: "text",
};
import app from "../../report_page/app.ts?source" with { type: "text" };
import chart from "../../report_page/chart.ts?source" with { type: "text" };
import chartOptions from "../../report_page/chart_options.ts?source" with {
  type: "text",
};
import configurationSection from "../../report_page/configuration_section.ts?source" with {
  type: "text",
};
import curve from "../../report_page/curve.ts?source" with { type: "text" };
import curveSection from "../../report_page/curve_section.ts?source" with {
  type: "text",
};
import distribution from "../../report_page/distribution.ts?source" with {
  type: "text",
};
import distributionSection from "../../report_page/distribution_section.ts?source" with {
  type: "text",
};
import element from "../../report_page/element.ts?source" with { type: "text" };
import failuresSection from "../../report_page/failures_section.ts?source" with {
  type: "text",
};
import format from "../../report_page/format.ts?source" with { type: "text" };
import header from "../../report_page/header.ts?source" with { type: "text" };
import lanes from "../../report_page/lanes.ts?source" with { type: "text" };
import lanesSection from "../../report_page/lanes_section.ts?source" with {
  type: "text",
};
import live from "../../report_page/live.ts?source" with { type: "text" };
import pageUpdate from "../../report_page/page_update.ts?source" with {
  type: "text",
};
import requestPanel from "../../report_page/request_panel.ts?source" with {
  type: "text",
};
import save from "../../report_page/save.ts?source" with { type: "text" };
import scales from "../../report_page/scales.ts?source" with { type: "text" };
import seriesSection from "../../report_page/series_section.ts?source" with {
  type: "text",
};
import speechSection from "../../report_page/speech_section.ts?source" with {
  type: "text",
};
import stageSection from "../../report_page/stage_section.ts?source" with {
  type: "text",
};
import state from "../../report_page/state.ts?source" with { type: "text" };
import unpack from "../../report_page/unpack.ts?source" with { type: "text" };
import style from "../../report_page/style.css" with { type: "text" };
import { linkModules } from "./link_modules.ts";
import type { PageData } from "./page_data.ts";

/** Modules of the page, as they are linked in the browser. */
const sources = {
  "./answer.ts": answer,
  "./answer_section.ts": answerSection,
  "./app.ts": app,
  "./chart.ts": chart,
  "./chart_options.ts": chartOptions,
  "./configuration_section.ts": configurationSection,
  "./curve.ts": curve,
  "./curve_section.ts": curveSection,
  "./distribution.ts": distribution,
  "./distribution_section.ts": distributionSection,
  "./element.ts": element,
  "./failures_section.ts": failuresSection,
  "./format.ts": format,
  "./header.ts": header,
  "./lanes.ts": lanes,
  "./lanes_section.ts": lanesSection,
  "./live.ts": live,
  "./page_update.ts": pageUpdate,
  "./request_panel.ts": requestPanel,
  "./save.ts": save,
  "./scales.ts": scales,
  "./series_section.ts": seriesSection,
  "./speech_section.ts": speechSection,
  "./stage_section.ts": stageSection,
  "./state.ts": state,
  "./unpack.ts": unpack,
};

/** Options of {@linkcode htmlPage}. */
export interface PageOptions {
  /** Data that the page shows when it opens. A live page may begin without. */
  readonly data?: PageData;
  /**
   * URL, relative to the page, of server-sent events: each has the JSON of a `PageUpdate`. The page then shows that it is
   * live until an update has the end of the run.
   */
  readonly events?: string;
}

/** Makes the page: one HTML file that requests nothing, or only its events. */
export function htmlPage({ data, events }: PageOptions): string {
  const script = linkModules(sources, "./app.ts");
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}' '${hashOf(echarts)}'`,
    "style-src 'unsafe-inline'",
    `connect-src ${events === undefined ? "'none'" : "'self'"}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>earshot report</title>
<link rel="icon" href="data:,">
<style>
${style}</style>
</head>
<body${events === undefined ? "" : ` data-events="${escapeAttribute(events)}"`}>
<noscript>This report needs JavaScript, which is in this file; it requests nothing from the network.</noscript>
<main id="page"></main>
<script type="text/plain" id="data">${
    data ? pack(JSON.stringify(data)) : ""
  }</script>
<script type="text/plain" id="echarts">${packedCharts()}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Packs a text so that nothing in it can end the element that it is in: gzip, in base64. */
export function pack(text: string): string {
  return gzipSync(text, { level: 9 }).toString("base64");
}

let charts: string | undefined;

function packedCharts(): string {
  return charts ??= pack(echarts);
}

function hashOf(script: string): string {
  return `sha256-${createHash("sha256").update(script).digest("base64")}`;
}

function escapeAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
}
