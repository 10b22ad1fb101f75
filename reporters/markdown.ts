import { z } from "zod";
import {
  defineReporter,
  type Report,
  type ReporterPlugin,
  stagesOutsideSearches,
} from "../plugins/mod.ts";
import { drawTrend } from "./summary/chart.ts";
import { checkWritable, writeText } from "./output.ts";
import {
  type Block,
  type Facts,
  filledBlocks,
  filledParts,
  isTable,
  type Section,
  type Table,
  textOf,
} from "./summary/model.ts";
import { plural } from "./summary/numbers.ts";
import { finalSections, stageOfRun } from "./summary/report.ts";
import { runSection } from "./summary/run.ts";

/** Options of {@linkcode markdownReporter}. */
export interface MarkdownOptions {
  /** File to write; `-` is standard output. */
  path: string;
}

/** Writes the console's report as Markdown when the run has ended, for pull requests: the result first, then each stage. */
export const markdownReporter: ReporterPlugin<MarkdownOptions> = defineReporter(
  {
    name: "markdown",
    summary: "The report for people as Markdown, for pull requests",
    primary: "path",
    options: z.strictObject({
      path: z.string().min(1).meta({ format: "path" }).describe(
        "File to write; - is standard output",
      ),
    }),
    async open({ path }) {
      await checkWritable(path);
      return { report: (report) => writeText(path, renderMarkdown(report)) };
    },
  },
);

/** Maximum number of bytes: GitHub accepts a megabyte as the summary of a step. */
const LONGEST = 900_000;

const CHART_WIDTH = 40;

/** Formats a report as Markdown. Stages that make the text too long are left out, and counted. */
export function renderMarkdown(report: Report): string {
  const outside = new Set(stagesOutsideSearches(report));
  const stages = [...report.stages.entries()]
    .filter(([, stage]) => outside.has(stage));
  let text = renderSection(runSection(report), "##");
  for (const section of finalSections(report)) {
    text += renderSection(section, "###");
  }
  let bytes = byteLength(text);
  for (const [place, [index, stage]] of stages.entries()) {
    const section = stageOfRun(stage, index, report);
    const more = stages.length > 1
      ? folded(section)
      : renderSection(section, "###");
    bytes += byteLength(more);
    if (bytes > LONGEST) {
      const left = plural(stages.length - place, "stage");
      return `${text}${left} left out, as the text would be too long\n`;
    }
    text += more;
  }
  return text;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function renderSection({ title, status, blocks }: Section, level: string) {
  const heading = title === undefined
    ? ""
    : `${level} ${safe(title)}${status ? `: ${safe(status.text)}` : ""}\n\n`;
  return heading + renderBlocks(blocks);
}

/** A section whose content GitHub shows on a click. */
function folded({ title = "", status, blocks }: Section): string {
  const texts = status ? [title, status.text] : [title];
  const summary = texts.map((text) => isHarmless(text) ? text : asCode(text));
  return `<details><summary>${summary.join(": ")}</summary>\n\n${
    renderBlocks(blocks)
  }</details>\n\n`;
}

function renderBlocks(blocks: readonly Block[]): string {
  return filledBlocks(blocks).map((block) =>
    isTable(block) ? renderTable(block) : renderFacts(block)
  ).join("");
}

function renderFacts({ title, facts }: Facts): string {
  if (facts.every(({ label }) => label === undefined)) {
    const lines = facts.map(({ value }) => safe(value));
    return `**${title}**: ${lines.join("<br>")}\n\n`;
  }
  return rows([
    [title, ""],
    ["---", "---"],
    ...facts.map(({ label = "", value }) => [safe(label), safe(value)]),
  ]);
}

/** A table for each part, as Markdown has no titles within a table. */
function renderTable(table: Table): string {
  const parts = filledParts(table);
  const all = parts.flatMap(({ rows }) => rows);
  const columns = table.columns.map((column, index) => ({ ...column, index }))
    .filter(({ index }) => all.some(({ cells }) => cellText(cells[index])));
  const tables = parts.map((part) =>
    rows([
      [safe(part.title), ...columns.map(({ head }) => safe(head))],
      [
        "---",
        ...columns.map(({ align }) => align === "left" ? "---" : "---:"),
      ],
      ...part.rows.map(({ label, cells }) => [
        safe(label),
        ...columns.map(({ index }) => safe(cellText(cells[index]))),
      ]),
    ])
  );
  const notes = (table.notes ?? []).map((note) => `${escaped(note)}\n\n`);
  return [...tables, ...notes].join("");
}

function cellText(cell: Parameters<typeof textOf>[0]): string {
  return textOf(cell, (values) => drawTrend(values, CHART_WIDTH)).trim();
}

function rows(lines: readonly (readonly string[])[]): string {
  return `${lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("")}\n`;
}

/** Texts without any meaning in Markdown; a mark at the end has none, as it opens nothing. */
const HARMLESS = /^[\p{L}\p{N}\u2580-\u259f ,.;:()%=+/·–≤…!?"'-]*[*~]?$/u;

/** Texts of harmless characters that GitHub replaces: links and `:names:` of pictures. */
const REPLACED = /:\/\/|www\.|:[\w+-]+:/i;

/**
 * Makes a text safe in a heading or a cell. One that could have a meaning becomes code, in which nothing is a link or
 * mentions anyone.
 */
function safe(text: string): string {
  const line = text.trim();
  if (isHarmless(line)) return line;
  // In a table these characters end a cell or a span of code.
  return /[`|\\]/.test(line) ? asCode(line) : `\`${line}\``;
}

function isHarmless(line: string): boolean {
  return HARMLESS.test(line) && !REPLACED.test(line);
}

/** Writes code as HTML, with all punctuation as character references, which have no meaning in Markdown and HTML. */
function asCode(text: string): string {
  const references = text.replace(
    /[!-/:-@[-`{-~]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
  return `<code>${references}</code>`;
}

/** Escapes the marks in an explanation of ours. */
function escaped(text: string): string {
  return text.replace(/[*~|`\\<]/g, (mark) => `\\${mark}`);
}
