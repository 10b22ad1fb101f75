import assert from "node:assert/strict";
import fc from "fast-check";
import { SaxesParser } from "saxes";
import type { Report } from "../plugins/mod.ts";
import { assertGolden } from "../tests/support/golden.ts";
import { hostileReport, hostileText } from "../tests/support/hostile.ts";
import {
  chatReport,
  failedReport,
  goodStage,
  searchReport,
  speechReport,
} from "../tests/support/report.ts";
import { escapeXml, toJunit } from "./junit.ts";

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Parses XML strictly, as XML 1.0 has it; returns its elements in order. */
function parse(xml: string): Element[] {
  const elements: Element[] = [];
  const parser = new SaxesParser();
  parser.on("opentag", ({ name, attributes }) => {
    elements.push({ name, attributes });
  });
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(xml).close();
  return elements;
}

/** The problems by the names of their cases. */
function problemsOf(report: Report): [string, string, string][] {
  const elements = parse(toJunit(report));
  return elements.flatMap(({ name, attributes }, i) =>
    ["failure", "error", "skipped"].includes(name)
      ? [[elements[i - 1]!.attributes["name"]!, name, attributes["message"]!]]
      : []
  );
}

for (
  const [name, report] of Object.entries({
    two_stages: speechReport,
    failed: failedReport,
    search: searchReport,
    chat: chatReport,
  })
) {
  Deno.test(`toJunit() formats ${name} as its golden file`, async () => {
    await assertGolden(`${name}.xml`, toJunit(report));
  });
}

Deno.test("toJunit() fails a missed SLO with the value and the limit", () => {
  assert.deepEqual(problemsOf(speechReport)[1], [
    "errorRate<=1%",
    "failure",
    "missed errorRate<=1%: it was 3.493 % (n = 229)",
  ]);
});

Deno.test("toJunit() has no problem in a valid run, and counts those of others", () => {
  const good = { ...speechReport, stages: [goodStage] };
  assert.deepEqual(problemsOf(good), []);
  const [all, ...rest] = parse(toJunit(speechReport));
  assert.deepEqual({ ...all!.attributes }, {
    name: "earshot",
    tests: "4",
    failures: "2",
    errors: "0",
    skipped: "0",
    time: "60.000",
  });
  const cases = rest.filter(({ name }) => name === "testcase");
  assert.equal(cases.length, 4);
});

Deno.test("toJunit() skips a verdict that decides nothing, and reports a run that did not end by itself", () => {
  const few = {
    ...goodStage,
    verdict: { status: "too-few-samples", reasons: ["only 4"] },
  } as const;
  assert.deepEqual(problemsOf({ ...chatReport, stages: [few] }), [
    ["completed", "error", "interrupted: results until the interruption"],
    ["verdict", "skipped", "only 4"],
  ]);
});

Deno.test("toJunit() is valid XML whatever texts a report has", () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      parse(toJunit(hostileReport(text)));
    }),
    { numRuns: 50 },
  );
});

Deno.test("escapeXml() keeps every character that XML has", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const [element] = parse(`<a b="${escapeXml(text)}"/>`);
    const kept = text.replace(
      // deno-lint-ignore no-control-regex -- XML does not have them
      /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]/gu,
      "",
    );
    const shown = element!.attributes["b"]!;
    if (kept === text) assert.equal(shown, text);
    else assert.match(shown, /\\x|\\u/);
  }));
});
