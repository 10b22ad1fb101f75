import assert from "node:assert/strict";
import { bundledClips } from "../clips/mod.ts";
import { clips } from "./clips.ts";
import {
  openDataset,
  read,
  readAll,
  summaryOf,
} from "../tests/support/datasets.ts";

Deno.test("clips() gives each bundled clip with its reference", async () => {
  const sessions = await readAll(clips({}));
  assert.deepEqual(
    summaryOf(sessions),
    bundledClips.map(({ id, transcript }) => [id, transcript]),
  );
  for (const [i, { turns }] of sessions.entries()) {
    const audio = turns[0]?.columns.audio;
    assert.equal(audio?.id, bundledClips[i]?.id);
    const off = (audio?.durationMs ?? 0) - (bundledClips[i]?.durationMs ?? 0);
    assert.ok(
      Math.abs(off) <= 1,
      `${audio?.id} is ${off} ms longer than declared`,
    );
  }
});

Deno.test("clips() gives audio that can be sent", async () => {
  await using dataset = await openDataset(clips({ limit: 2 }));
  assert.deepEqual(dataset.facts, { items: 2, shuffle: false });
  for (const { turns } of await read(dataset)) {
    const { audio } = turns[0]!.columns;
    const samples = await audio!.pcm16(16000);
    assert.ok(Math.abs(samples.length - audio!.durationMs * 16) <= 16);
    assert.ok(samples.some((sample) => Math.abs(sample) > 3000));
    assert.ok((await audio!.file()).bytes.length > 1000);
  }
});

Deno.test("clips() cuts references with the clips", async () => {
  for (const { turns, id } of await readAll(clips({ maxSeconds: 1 }))) {
    const { audio, reference = "" } = turns[0]!.columns;
    const clip = bundledClips.find((clip) => clip.id === id)!;
    assert.equal(audio?.durationMs, 1000);
    assert.ok(clip.transcript.startsWith(`${reference} `) || !reference);
    const words = reference.split(" ").filter(Boolean).length;
    assert.ok((clip.words[words - 1]?.endMs ?? 0) <= 1000);
    assert.ok((clip.words[words]?.endMs ?? Infinity) > 1000);
  }
});

Deno.test("clips() shuffles by seed and pass", async () => {
  await using dataset = await openDataset(clips({ shuffle: true, limit: 5 }));
  const ids = async (seed: number, pass: number) =>
    (await read(dataset, { seed, pass })).map(({ id }) => id);
  const first = await ids(3, 0);
  assert.deepEqual(first, await ids(3, 0));
  assert.notDeepEqual(first, await ids(3, 1));
  assert.deepEqual(first.toSorted(), (await ids(3, 1)).toSorted());
});
