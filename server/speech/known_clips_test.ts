import assert from "node:assert/strict";
import { bundledClips } from "../../clips/mod.ts";
import { fingerprintClips } from "./fingerprint_clips.ts";
import fingerprints from "./fingerprints.json" with { type: "json" };
import { knownClips } from "./known_clips.ts";

Deno.test("knownClips() holds every bundled clip as it sounds now", async () => {
  assert.deepEqual(
    fingerprints,
    await fingerprintClips(),
    "run `deno run -A server/speech/fingerprint_clips.ts`",
  );
  assert.deepEqual(
    knownClips().map(({ id }) => id),
    bundledClips.map(({ id }) => id),
  );
});
