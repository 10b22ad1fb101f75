import assert from "node:assert/strict";

/** Holds a text against a file of this folder; `UPDATE_GOLDEN=1` writes the file anew. */
export async function assertGolden(name: string, text: string): Promise<void> {
  const file = new URL(`../../reporters/testdata/${name}`, import.meta.url);
  if (Deno.env.get("UPDATE_GOLDEN") === "1") {
    await Deno.writeTextFile(file, text);
  }
  assert.equal(text, await Deno.readTextFile(file));
}
