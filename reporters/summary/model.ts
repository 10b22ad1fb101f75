/**
 * The parts of a report for people, as plain data: which facts it has, in which groups, in which form. The console and
 * Markdown differ only in how they write them.
 *
 * @module
 */

/** Meaning of a text, for colour. */
export type Tone = "good" | "warning" | "bad" | "minor" | "strong";

/** A text with its meaning. */
export interface TonedText {
  readonly text: string;
  readonly tone: Tone;
}

/** Values over time, from the first interval to the last; `null` where an interval has no value. */
export interface Trend {
  readonly values: readonly (number | null)[];
}

/** The content of a cell. */
export type Cell = string | TonedText | Trend;

/** A part of a report under a title. */
export interface Section {
  /** Absent for a section that continues the run as a whole. */
  readonly title?: string;
  /** Result of what the title names. */
  readonly status?: TonedText;
  readonly blocks: readonly Block[];
}

/** A group of facts. */
export type Block = Facts | Table;

/** Facts in words, a line each. */
export interface Facts {
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** A fact in words. */
export interface Fact {
  /** Absent if the title of the group says it. */
  readonly label?: string;
  readonly value: string;
  readonly tone?: Tone;
}

/** Facts in columns. */
export interface Table {
  /** The columns after that of the labels. */
  readonly columns: readonly Column[];
  /** Groups of rows; those without rows are left out. */
  readonly parts: readonly TablePart[];
  /** Explanations of the table. */
  readonly notes?: readonly string[];
}

/** A column. One without any content is left out. */
export interface Column {
  readonly head: string;
  /** @default {"right"} */
  readonly align?: "left" | "right";
  /** Where a line has too few columns, those with the highest number are left out first. @default Never left out */
  readonly dropOrder?: number;
  /** Whether its texts may continue on further lines. */
  readonly wraps?: true;
}

/** Rows under a title of their own. */
export interface TablePart {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A row. */
export interface Row {
  readonly label: string;
  readonly cells: readonly Cell[];
  /** Of the whole row. */
  readonly tone?: Tone;
  /** Whether it completes the row above, and may be left out where it does not fit. */
  readonly isDetail?: true;
}

/** Whether a block has columns. */
export function isTable(block: Block): block is Table {
  return "columns" in block;
}

/** Returns the parts of a table that have rows. */
export function filledParts({ parts }: Table): TablePart[] {
  return parts.filter(({ rows }) => rows.length > 0);
}

/** Returns the blocks that have any content. */
export function filledBlocks(blocks: readonly Block[]): Block[] {
  return blocks.filter((block) =>
    isTable(block) ? filledParts(block).length > 0 : block.facts.length > 0
  );
}

/** Returns the text of a cell; that of a trend is drawn with `chart`. */
export function textOf(
  cell: Cell | undefined,
  chart: (values: Trend["values"]) => string,
): string {
  if (cell === undefined) return "";
  if (typeof cell === "string") return cell;
  return "text" in cell ? cell.text : chart(cell.values);
}

/** Meaning of a verdict. */
export function toneOfVerdict(status: string): Tone {
  if (status === "valid") return "good";
  return status === "failed" ? "bad" : "warning";
}
