import { nearest } from "../../lib/nearest.ts";
import { UsageError } from "../../plugins/mod.ts";
import { NAMES, SENT } from "./roles.ts";

/** Data with its columns. */
interface Named {
  readonly path: string;
  readonly columns: readonly string[];
}

/** @throws {UsageError} If a column that the user names is not there. */
export function requireColumn(
  { path, columns }: Named,
  role: string,
  name: string,
): void {
  if (columns.includes(name)) return;
  const near = nearest(name, columns);
  throw new UsageError(
    `Cannot read ${path} as 'columns.${role}' must name one of its columns (${
      list(columns)
    }): current value is ${JSON.stringify(name)}${
      near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`
    }`,
    { problems: [{ path: `columns.${role}`, message: `no column "${name}"` }] },
  );
}

/** What is wrong where no column holds anything to send; `valuesOf` gives the first values of one. */
export function nothingToSend(
  { path, columns, valuesOf }: Named & {
    valuesOf(column: string): readonly unknown[];
  },
): UsageError {
  const near = columns.map((column) => ({
    column,
    name: nearest(
      column.toLowerCase(),
      SENT.flatMap((role) => NAMES[role]),
    ),
  })).find(({ name }) => name !== undefined);
  const hint = near ? `; ${hintOf(near.column, near.name!, valuesOf)}` : "";
  return new UsageError(
    `Cannot read ${path} as it must have a column with audio (such as "audio" or "audio_filepath"), a prompt ` +
      `(such as "prompt" or "text"), a chat ("messages") or images ("image"), or one named by 'columns.audio', ` +
      `'columns.text' or the like: its columns are ${list(columns)}${hint}`,
    { problems: [{ path: "columns", message: "nothing to send" }] },
  );
}

/** What is amiss with the column that comes near: its name, or what is in it. */
function hintOf(
  column: string,
  name: string,
  valuesOf: (column: string) => readonly unknown[],
): string {
  const quoted = JSON.stringify(column);
  if (name !== column.toLowerCase()) {
    return `${quoted} is near to ${JSON.stringify(name)}`;
  }
  const [value] = valuesOf(column);
  const shown = JSON.stringify(value) ?? "empty";
  const short = shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
  return `what is in ${quoted} cannot be sent: the first is ${short}`;
}

function list(columns: readonly string[]): string {
  const shown = columns.slice(0, 20).map((name) => JSON.stringify(name));
  return shown.join(", ") + (columns.length > 20 ? ", …" : "");
}
