import { styleText } from "node:util";

/** The kinds of emphasis that a report uses. */
export type Emphasis = "bold" | "dim" | "green" | "yellow" | "red";

/** How a report is to look. */
export interface Look {
  /** Columns that lines are wrapped to. */
  readonly width: number;
  /** Gives a text its emphasis, or leaves it as it is. */
  readonly paint: (emphasis: Emphasis, text: string) => string;
}

/** A look with or without colour. */
export function lookOf(options: { width: number; color: boolean }): Look {
  const { width, color } = options;
  return {
    width,
    paint: (emphasis, text) =>
      color ? styleText(emphasis, text, { validateStream: false }) : text,
  };
}

/** The colour of a verdict. */
export function verdictColor(status: string): Emphasis {
  if (status === "valid") return "green";
  return status === "failed" ? "red" : "yellow";
}
