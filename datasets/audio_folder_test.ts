import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bundledClips } from "../clips/mod.ts";
import { UsageError } from "../plugins/mod.ts";
import { audioFolder } from "./audio_folder.ts";
import {
  openDataset,
  read,
  readAll,
  summaryOf,
  tempFolder,
  tone,
} from "../tests/support/datasets.ts";

Deno.test("audioFolder() finds audio in all folders, in the order of their names", async () => {
  await using folder = await tempFolder({
    "b.wav": tone(100),
    "a/z.wav": tone(200),
    "a/B.WAV": tone(300),
    "notes.md": "no audio",
    ".hidden.wav": tone(100),
    ".git/c.wav": tone(100),
  });
  const sessions = await readAll(audioFolder({ path: folder.path }));
  const found = sessions.map(({ id, turns }) => [
    id,
    turns.length,
    turns[0]?.columns.audio?.id,
    turns[0]?.columns.audio?.durationMs,
  ]);
  assert.deepEqual(found, [
    ["a/B.WAV", 1, "a/B.WAV", 300],
    ["a/z.wav", 1, "a/z.wav", 200],
    ["b.wav", 1, "b.wav", 100],
  ]);
});

Deno.test("audioFolder() gives audio that can be sent", async () => {
  const bytes = tone(250);
  await using folder = await tempFolder({ "a.wav": bytes });
  await using dataset = await openDataset(audioFolder({ path: folder.path }));
  const [session] = await read(dataset);
  const audio = session?.turns[0]?.columns.audio;
  assert.ok(audio);
  assert.deepEqual((await audio.file()).bytes, bytes);
  assert.equal((await audio.pcm16(16000)).length, 4000);
});

Deno.test("audioFolder() reads every format", async () => {
  const path = fileURLToPath(new URL("../clips", import.meta.url));
  const sessions = await readAll(audioFolder({ path }));
  const found = sessions.map(({ id, problem, turns }) => ({
    file: id,
    problem,
    durationMs: Math.round(turns[0]?.columns.audio?.durationMs ?? 0),
  }));
  const expected = bundledClips.map(({ file, durationMs }) => ({
    file,
    problem: undefined,
    durationMs: Math.round(durationMs),
  }));
  const byFile = (a: { file: string }, b: { file: string }) =>
    a.file < b.file ? -1 : 1;
  assert.deepEqual(found, expected.sort(byFile));
});

Deno.test("audioFolder() reads references from sidecars and LibriSpeech lists", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "a.txt": "\uFEFF  hello there\r\n",
    "b.wav": tone(100),
    "b.lab": "by label",
    "c.wav": tone(100),
    "84/121550/84-121550-0001.wav": tone(100),
    "84/121550/84-121550-0002.wav": tone(100),
    "84/121550/84-121550-0003.wav": tone(100),
    "84/121550/84-121550-0003.txt": "the sidecar counts first",
    "84/121550/84-121550.trans.txt":
      "84-121550-0001 BUT WITH FULL RAVISHMENT\r\n\n84-121550-0003 THE LIST\n",
  });
  const list = "84/121550/84-121550-000";
  assert.deepEqual(
    summaryOf(await readAll(audioFolder({ path: folder.path }))),
    [
      [`${list}1.wav`, "BUT WITH FULL RAVISHMENT"],
      [`${list}2.wav`, undefined],
      [`${list}3.wav`, "the sidecar counts first"],
      ["a.wav", "hello there"],
      ["b.wav", "by label"],
      ["c.wav", undefined],
    ],
  );
  const without = audioFolder({ path: folder.path, transcripts: "none" });
  for (const { turns } of await readAll(without)) {
    assert.deepEqual(Object.keys(turns[0]?.columns ?? {}), ["audio"]);
  }
});

Deno.test("audioFolder() reads a glob", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "x/b.wav": tone(100),
    "x/y/c.wav": tone(100),
    "x/y/c.txt": "see",
    "x/y/d.mp3": "never opened",
  });
  const ids = async (glob: string) =>
    (await readAll(audioFolder({ path: folder.at(glob) }))).map(({ id }) => id);
  assert.deepEqual(await ids("**/*.wav"), ["a.wav", "x/b.wav", "x/y/c.wav"]);
  assert.deepEqual(await ids("*.wav"), ["a.wav"]);
  assert.deepEqual(await ids("x/**/*.wav"), ["b.wav", "y/c.wav"]);
  assert.deepEqual(await ids("{x,nowhere}/?/[a-c].wav"), ["x/y/c.wav"]);
  const sessions = await readAll(audioFolder({ path: folder.at("x/y/*.wav") }));
  assert.deepEqual(summaryOf(sessions), [["c.wav", "see"]]);
});

Deno.test("audioFolder() matches globs as a shell does", async () => {
  const names = ["a7.wav", "ab.wav", "abc.wav", "x/a.wav", "c.flac", "*,{.wav"];
  const bytes = tone(50);
  await using folder = await tempFolder(
    Object.fromEntries(names.map((name) => [name, bytes])),
  );
  for (
    const [glob, expected] of [
      ["a?.wav", ["a7.wav", "ab.wav"]],
      ["a[0-9].wav", ["a7.wav"]],
      ["a[!0-9].wav", ["ab.wav"]],
      ["*.{mp3,flac}", ["c.flac"]],
      ["{ab,x/a}.wav", ["ab.wav", "x/a.wav"]],
      ["*,{.wav", ["*,{.wav"]],
      ["**", names.toSorted()],
    ] as const
  ) {
    const sessions = await readAll(audioFolder({ path: folder.at(glob) }));
    assert.deepEqual(sessions.map(({ id }) => id), expected, glob);
  }
});

Deno.test("audioFolder() reads a folder whose name looks like a glob", async () => {
  await using folder = await tempFolder({ "[old] {1}/a.wav": tone(100) });
  const sessions = await readAll(audioFolder({ path: folder.at("[old] {1}") }));
  assert.deepEqual(summaryOf(sessions), [["a.wav", undefined]]);
});

Deno.test("audioFolder() reads one file with its transcript", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "a.txt": "one",
    "b.wav": tone(100),
  });
  const sessions = await readAll(audioFolder({ path: folder.at("a.wav") }));
  assert.deepEqual(summaryOf(sessions), [["a.wav", "one"]]);
});

Deno.test("audioFolder() follows links once, even in circles or to nothing", async () => {
  await using folder = await tempFolder({ "real/a.wav": tone(100) });
  await Deno.symlink(folder.path, folder.at("real/up"));
  await Deno.symlink(folder.at("real"), folder.at("same"));
  await Deno.symlink(folder.at("real/a.wav"), folder.at("b.wav"));
  await Deno.symlink(folder.at("gone.wav"), folder.at("c.wav"));
  const sessions = await readAll(audioFolder({ path: folder.path }));
  assert.deepEqual(sessions.map(({ id }) => id), ["b.wav", "real/a.wav"]);
});

Deno.test("audioFolder() reports files that cannot be used and continues", async () => {
  const whole = tone(1000);
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "b.wav": "this is not audio",
    "c.wav": "",
    "d.wav": whole.slice(0, whole.length / 2),
    "e.wav": tone(100),
    "e.txt": new Uint8Array([0xff, 0xfe, 0xfd]),
    "f.wav": tone(0),
    "g.wav": tone(100),
  });
  const sessions = await readAll(audioFolder({ path: folder.path }));
  const bad = sessions.filter(({ problem }) => problem !== undefined);
  assert.deepEqual(bad.map(({ id, turns }) => [id, turns.length]), [
    ["b.wav", 0],
    ["c.wav", 0],
    ["d.wav", 0],
    ["e.wav", 0],
    ["f.wav", 0],
  ]);
  for (const { id, problem = "" } of bad) {
    assert.ok(problem.includes(id.replace("e.wav", "e.txt")), problem);
  }
  assert.equal(sessions.length, 7);
});

Deno.test("audioFolder() cuts clips, and a cut clip has no reference", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(500),
    "a.txt": "short",
    "b.wav": tone(1500),
    "b.txt": "too long to be kept",
  });
  const cut = audioFolder({ path: folder.path, maxSeconds: 0.5 });
  await using dataset = await openDataset(cut);
  const columns = (await read(dataset)).map(({ turns }) => turns[0]?.columns);
  assert.deepEqual(columns.map((each) => each?.audio?.durationMs), [500, 500]);
  assert.deepEqual(columns.map((each) => each?.reference), [
    "short",
    undefined,
  ]);
  assert.equal((await columns[1]?.audio?.pcm16(8000))?.length, 4000);
});

Deno.test("audioFolder() shuffles by seed and pass, and keeps the same items", async () => {
  const names = Array.from(
    { length: 12 },
    (_, i) => `${String(i).padStart(2, "0")}.wav`,
  );
  const bytes = tone(50);
  await using folder = await tempFolder(
    Object.fromEntries(names.map((name) => [name, bytes])),
  );
  await using dataset = await openDataset(
    audioFolder({ path: folder.path, shuffle: true, limit: 8 }),
  );
  const ids = async (seed: number, pass: number) =>
    (await read(dataset, { seed, pass })).map(({ id }) => id);
  const first = await ids(1, 0);
  assert.deepEqual(first, await ids(1, 0));
  assert.notDeepEqual(first, first.toSorted());
  assert.notDeepEqual(first, await ids(2, 0));
  assert.notDeepEqual(first, await ids(1, 1));
  assert.deepEqual(first.toSorted(), (await ids(1, 1)).toSorted());
  assert.deepEqual(dataset.facts, {
    path: folder.path,
    items: 8,
    shuffle: true,
  });
});

Deno.test("audioFolder() stops when it is aborted or no longer read", async () => {
  const bytes = tone(50);
  await using folder = await tempFolder(
    Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`${i}.wav`, bytes]),
    ),
  );
  await using dataset = await openDataset(audioFolder({ path: folder.path }));
  assert.equal((await read(dataset, { take: 3 })).length, 3);
  const over = new AbortController();
  let count = 0;
  const reading = { seed: 1, pass: 0, signal: over.signal };
  for await (const _ of dataset.sessions(reading)) {
    if (++count === 5) over.abort();
  }
  assert.equal(count, 5);
});

Deno.test("audioFolder() refuses a path that does not exist", async () => {
  await using folder = await tempFolder();
  for (const name of ["nowhere", "nowhere/*.wav"]) {
    await assert.rejects(
      readAll(audioFolder({ path: folder.at(name) })),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(
          error.message,
          /^path: must be a folder, a file or a glob/,
        );
        assert.match(error.message, /nowhere.*does not exist$/);
        return true;
      },
    );
  }
});

Deno.test("audioFolder() refuses a folder and a glob without audio", async () => {
  await using folder = await tempFolder({ "a.txt": "hello", "b.m4a": "?" });
  for (const path of [folder.path, folder.at("*.wav")]) {
    await assert.rejects(readAll(audioFolder({ path })), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /no audio found.*\*\.wav, \*\.flac, \*\.mp3/);
      assert.ok(error.message.includes(path));
      return true;
    });
  }
});

Deno.test("audioFolder() counts the files that it leaves out by extension", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "a.txt": "words",
    "cover.jpg": "",
    "b.m4a": "",
    "c/d.M4A": "",
    "c/e.webm": "",
    ".hidden.m4a": "",
    "list.csv": "",
    "only/x.flac": "",
    "only/y.aac": "",
  });
  const warned = async (path: string) => {
    const warnings: string[] = [];
    await using _ = await openDataset(
      audioFolder({ path }),
      (message) => warnings.push(message),
    );
    return warnings;
  };
  const rest = "(convert with ffmpeg -i IN OUT.flac)";
  assert.deepEqual(await warned(folder.path), [
    `${folder.path}: left out 4 files that are not readable audio: 2 .m4a, 1 .aac, 1 .webm ${rest}`,
  ]);
  assert.deepEqual(await warned(folder.at("only")), [
    `${
      folder.at("only")
    }: left out 1 file that is not readable audio: 1 .aac ${rest}`,
  ]);
  assert.deepEqual(await warned(folder.at("**/*.wav")), []);
  assert.deepEqual(await warned(folder.at("a.wav")), []);
  await assert.rejects(
    warned(folder.at("c")),
    /no audio found.*; left out 2 files that are not readable audio: 1 \.m4a, 1 \.webm/,
  );
});

Deno.test("audioFolder() refuses a single file that is not audio before the run", async () => {
  await using folder = await tempFolder({ "a.txt": "hello", "b.wav": "" });
  for (const name of ["a.txt", "b.wav"]) {
    await assert.rejects(
      readAll(audioFolder({ path: folder.at(name) })),
      (error) => error instanceof UsageError && error.message.includes(name),
    );
  }
});

Deno.test("audioFolder() lists every option that is wrong", async () => {
  const options = { path: "", shuffle: "yes", limit: 0, transcript: "auto" };
  await assert.rejects(
    readAll(audioFolder(options as unknown as { path: string })),
    (error) => error instanceof UsageError && error.problems.length === 4,
  );
});
