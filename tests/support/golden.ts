import assert from "node:assert/strict";

/** Compares a text with a file of reporters/testdata; `UPDATE_GOLDEN=1` rewrites the file. */
export async function assertGolden(name: string, text: string): Promise<void> {
  const file = new URL(`../../reporters/testdata/${name}`, import.meta.url);
  if (Deno.env.get("UPDATE_GOLDEN") === "1") {
    await Deno.writeTextFile(file, text);
  }
  assert.equal(text, await Deno.readTextFile(file));
}
