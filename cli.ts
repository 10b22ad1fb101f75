/**
 * The command line. The only file that reads `Deno.args` or calls `Deno.exit`; nothing is imported before the
 * version of the runtime is known to be good.
 *
 * @module
 */
const NEEDED = [2, 9, 0];

if (import.meta.main) {
  const found = Deno.version.deno.split(".").map(Number);
  const older = NEEDED.findIndex((part, i) => found[i] !== part);
  if (older >= 0 && found[older]! < NEEDED[older]!) {
    console.error(
      `earshot: Deno must be ${
        NEEDED.join(".")
      } or newer, but was ${Deno.version.deno}`,
    );
    Deno.exit(2);
  }
  const { main } = await import("./cli/main.ts");
  Deno.exit(await main(Deno.args));
}
