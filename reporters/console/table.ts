import {
  type Cell,
  type Column,
  filledParts,
  type Row,
  type Table,
  textOf,
} from "../summary/model.ts";
import { drawTrend } from "../summary/chart.ts";
import { displayWidth, type Look, pad, truncate, wrapWords } from "./layout.ts";

/** Indentation of a title; rows are indented by two more. */
const INDENT = "  ";
const GAP = "  ";
/** Widths below which a label, and a column whose texts may continue on further lines, are not cut. */
const LEAST_LABEL = 12;
const LEAST_WRAPPED = 16;
const WIDEST_TREND = 60;

/** Formats a table: the heads once, then each part under its title. Columns that do not fit are left out. */
export function tableLines(table: Table, look: Look): string[] {
  const parts = filledParts(table);
  const rows = parts.flatMap(({ rows }) => rows);
  if (rows.length === 0) return [];
  const layout = fit(table, look);
  const lines = parts.flatMap(({ title, rows }, i) => [
    headLine(title, i === 0 ? layout.columns : [], { ...layout, look }),
    ...rows.filter((row) => layout.hasDetails || !row.isDetail)
      .flatMap((row) => rowLines(row, layout, look)),
  ]);
  const notes = (table.notes ?? []).flatMap((note) =>
    wrapWords(note, { width: look.width, label: INDENT })
      .map((line) => look.paint("minor", line))
  );
  return [...lines, ...notes];
}

/** The columns that fit, with their widths. */
interface Layout {
  readonly columns: readonly (Column & { readonly index: number })[];
  readonly labelWidth: number;
  readonly widths: readonly number[];
  readonly hasDetails: boolean;
}

/** Leaves out details, then columns, until a line fits; at last the labels are cut. */
function fit(table: Table, { width, charts }: Look): Layout {
  const parts = filledParts(table);
  const all = parts.flatMap(({ rows }) => rows);
  const filled = table.columns.map((column, index) => ({ ...column, index }))
    .filter(({ index }) =>
      all.some(({ cells: { [index]: cell } }) =>
        cell !== undefined &&
        (typeof cell !== "string" && "values" in cell ? charts : cell !== "")
      )
    );
  const orders = filled.map(({ dropOrder }) => dropOrder)
    .filter((order) => order !== undefined).sort((a, b) => b - a);
  const attempts = [
    { least: Infinity, hasDetails: true },
    { least: Infinity, hasDetails: false },
    ...orders.map((least) => ({ least, hasDetails: false })),
  ];
  let found: Layout | undefined;
  for (const { least, hasDetails } of attempts) {
    const columns = filled.filter(({ dropOrder = -1 }) => dropOrder < least);
    const rows = all.filter(({ isDetail }) => hasDetails || !isDetail);
    const layout = layoutOf(columns, rows, { parts, width, hasDetails });
    found = layout;
    if (layout.space >= 0) break;
  }
  return found!;
}

function layoutOf(
  columns: Layout["columns"],
  rows: readonly Row[],
  { parts, width, hasDetails }: {
    readonly parts: readonly { readonly title: string }[];
    readonly width: number;
    readonly hasDetails: boolean;
  },
): Layout & { readonly space: number } {
  const naturals = columns.map(({ head, index, wraps }) => {
    const texts = [head, ...rows.map(({ cells }) => shown(cells[index]))];
    const natural = Math.max(...texts.map(displayWidth));
    return wraps ? Math.min(natural, LEAST_WRAPPED) : natural;
  });
  const natural = Math.max(
    ...rows.map(({ label }) => INDENT.length + displayWidth(label)),
    ...parts.map(({ title }) => displayWidth(title)),
  );
  const taken = naturals.reduce((sum, each) => sum + GAP.length + each, 0);
  const room = width - INDENT.length - taken;
  const least = Math.min(natural, LEAST_LABEL);
  const labelWidth = Math.max(least, Math.min(natural, room));
  // The column that may take more gets what is left.
  const rest = Math.max(0, room - labelWidth);
  const widths = naturals.map((each, i) => {
    const { wraps, index } = columns[i]!;
    if (wraps) return each + rest;
    const trend = Math.max(
      0,
      ...rows.map(({ cells }) => trendOf(cells[index])),
    );
    return trend > 0 ? Math.min(each + rest, trend, WIDEST_TREND) : each;
  });
  return { columns, labelWidth, widths, hasDetails, space: room - natural };
}

/** The text of a cell; a trend takes what is left of the line. */
function shown(cell: Cell | undefined): string {
  return textOf(cell, (values) => " ".repeat(Math.min(values.length, 10)));
}

function trendOf(cell: Cell | undefined): number {
  return typeof cell === "object" && "values" in cell ? cell.values.length : 0;
}

function headLine(
  title: string,
  columns: Layout["columns"],
  { labelWidth, widths, look }: Layout & { readonly look: Look },
): string {
  const heads = columns.map(({ head, align = "right" }, i) =>
    GAP + pad(head, widths[i]!, align)
  ).join("").trimEnd();
  const label = pad(truncate(title, labelWidth), heads === "" ? 0 : labelWidth);
  return INDENT + look.paint("strong", label) + look.paint("minor", heads);
}

function rowLines(row: Row, layout: Layout, look: Look): string[] {
  const { labelWidth, widths, columns } = layout;
  const label = pad(truncate(INDENT + row.label, labelWidth), labelWidth);
  const texts = columns.map(({ index, align = "right", wraps }, i) => {
    const cell = row.cells[index];
    const width = widths[i]!;
    const text = textOf(cell, (values) => drawTrend(values, width));
    const lines = wraps ? wrapWords(text, { width }) : [text];
    return lines.map((line) => ({
      text: line,
      tone: typeof cell === "object" && "tone" in cell ? cell.tone : undefined,
      align,
    }));
  });
  const height = Math.max(1, ...texts.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => {
    const cells = texts.map((lines, i) => {
      const { text = "", tone, align } = lines[line] ?? {};
      return GAP + pad(look.paint(tone, text), widths[i]!, align);
    });
    const start = line === 0 ? label : " ".repeat(labelWidth);
    const whole = INDENT + start + cells.join("");
    return look.paint(row.tone, whole.trimEnd());
  });
}
