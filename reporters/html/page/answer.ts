import type { PageData } from "../page_data.ts";
import { plural } from "./format.ts";

/** A sentence of the answer. */
export interface Statement {
  /** Whether it is good news, a warning, bad news or a fact. */
  readonly tone: "good" | "warning" | "bad" | "plain";
  /** The sentence. */
  readonly text: string;
}

/** The answer of a run, in sentences: whether it is whole and sound, and whether its objectives were met. */
export function answerOf({ stages, end }: PageData): Statement[] {
  const reports = stages.flatMap(({ report }) => report ?? []);
  const sound = reports.filter(({ verdict }) => verdict.status === "valid");
  const statements: Statement[] = [];
  if (end?.error !== undefined) {
    statements.push({ tone: "bad", text: `Ended by an error: ${end.error}` });
  } else if (end?.interrupted) {
    statements.push({
      tone: "warning",
      text: "Interrupted: these are the results until then.",
    });
  }
  statements.push({
    tone: sound.length === reports.length ? "good" : "warning",
    text: `${sound.length} of ${
      plural(reports.length, "stage")
    } measured the server soundly.`,
  });
  return statements;
}
