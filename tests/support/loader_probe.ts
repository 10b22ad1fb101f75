/**
 * Loads one backend and says what it is: what the compiled binary does with `--backend ./mine.ts`, small enough to be
 * bundled and run with nothing beside it.
 *
 * @module
 */
import { loadPlugin } from "../../plugins/load.ts";

const none = { backend: {}, dataset: {}, reporter: {}, load: {} };
const plugin = await loadPlugin("backend", Deno.args[0] ?? "", {
  catalogue: none,
});
console.log(`${plugin.definition.name}: ${plugin.definition.summary}`);
