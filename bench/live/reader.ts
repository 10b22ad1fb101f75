/**
 * Reads the events of a live page to their end, as a browser does.
 *
 * @module
 */
const { body } = await fetch(new URL("events", Deno.args[0]));
for await (const _ of body!) continue;
