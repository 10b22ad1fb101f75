import {
  type Block,
  type Facts,
  filledBlocks,
  isTable,
  type Section,
} from "../summary/model.ts";
import { displayWidth, type Look, pad, wrapWords } from "./layout.ts";
import { tableLines } from "./table.ts";

/** Formats sections as text, with an empty line between two. */
export function renderSections(
  sections: readonly Section[],
  look: Look,
): string {
  return sections.map((section) => sectionLines(section, look))
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`).join("\n");
}

function sectionLines(
  { title, status, blocks }: Section,
  look: Look,
): string[] {
  const lines = blocksLines(filledBlocks(blocks), look);
  if (title === undefined) return lines;
  const [first = "", ...rest] = wrapWords(
    status ? `${title} · ${status.text}` : title,
    { width: look.width },
  );
  // The status is at the end of the first line, unless that is too long.
  const isWhole = status && rest.length === 0;
  const head = isWhole
    ? look.paint("strong", first.slice(0, -status.text.length)) +
      look.paint(status.tone, status.text)
    : look.paint("strong", first);
  return [head, ...rest, ...lines];
}

function blocksLines(blocks: readonly Block[], look: Look): string[] {
  const facts = blocks.flatMap((block) => isTable(block) ? [] : [block]);
  const widest = (texts: readonly string[]) =>
    Math.max(0, ...texts.map(displayWidth));
  const titles = widest(facts.map(({ title }) => title));
  const labels = widest(
    facts.flatMap(({ facts }) => facts.map(({ label = "" }) => label)),
  );
  return blocks.flatMap((block) =>
    isTable(block)
      ? tableLines(block, look)
      : factLines(block, { titles, labels }, look)
  );
}

/** Formats facts, the title of their group before the first. */
function factLines(
  { title, facts }: Facts,
  widths: { readonly titles: number; readonly labels: number },
  look: Look,
): string[] {
  return facts.flatMap(({ label, value, tone }, i) => {
    const start = pad(i === 0 ? title : "", widths.titles);
    const name = label === undefined
      ? ""
      : pad(label, Math.min(widths.labels, 16)) + "  ";
    const indent = 4 + widths.titles + displayWidth(name);
    return wrapWords(value, { width: look.width - indent }).map((line, j) =>
      (j === 0
        ? `  ${look.paint("strong", start)}  ${look.paint("minor", name)}`
        : " ".repeat(indent)) + look.paint(tone, line)
    ).map((line) => line.trimEnd());
  });
}
