import assert from "node:assert/strict";
import fc from "fast-check";
import { assertGolden } from "../tests/support/golden.ts";
import {
  failedReport,
  repeatedReport,
  searchReport,
  speechReport,
} from "../tests/support/report.ts";
import { hostileReport, hostileText } from "../tests/support/hostile.ts";
import { renderMarkdown } from "./markdown.ts";

for (
  const [name, report] of Object.entries({
    two_stages: speechReport,
    failed: failedReport,
    search: searchReport,
    repeated: repeatedReport,
  })
) {
  Deno.test(`renderMarkdown() formats ${name} as its golden file`, async () => {
    await assertGolden(`${name}.md`, renderMarkdown(report));
  });
}

/** Checks that every table has the same number of cells in each row, and returns the lines outside of tables. */
function linesAround(markdown: string): string[] {
  let width: number | undefined;
  return markdown.split("\n").filter((line) => {
    const cells = line.startsWith("| ") ? line.split("|").length : undefined;
    if (width !== undefined && cells !== undefined) {
      assert.equal(cells, width, line);
    }
    width = cells;
    return cells === undefined;
  });
}

/** Removes what shows a text as it is: code, and references to characters. */
function withoutCode(line: string): string {
  return line.replace(/`[^`]*`/g, "").replace(/<code>[^<]*<\/code>/g, "")
    .replace(/&#\d+;/g, "");
}

Deno.test("renderMarkdown() shows texts from servers and data as text, whatever they are", () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const markdown = renderMarkdown(hostileReport(text));
      const around = linesAround(markdown).map(withoutCode);
      for (const line of around) {
        assert.match(
          line,
          /^(#{2,3} [^<>|]*|<details><summary>[^<]*<\/summary>|<\/details>|([^#<>|]|<br>)*)$/,
        );
      }
      for (const line of markdown.split("\n")) {
        const rest = withoutCode(line)
          .replace(/<\/?(details|summary|br)>/g, "").replace(/^#+ /, "");
        assert.doesNotMatch(
          rest.replace(/\\./g, ""),
          /[<>@`[\]_$#\\]|:\/\/|www\./i,
        );
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("renderMarkdown() leaves out stages that make the text too long", () => {
  const stages = Array.from({ length: 600 }, () => speechReport.stages).flat();
  const text = renderMarkdown({ ...speechReport, stages });
  assert.ok(new TextEncoder().encode(text).length < 1_000_000);
  assert.match(text, /\n\d+ stages left out, as the text would be too long\n$/);
});
