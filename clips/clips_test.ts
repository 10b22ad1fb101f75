import assert from "node:assert/strict";
import { type BundledClip, bundledClips, readClip } from "./mod.ts";

const words = (text: string) => text.split(" ");
const differentValues = (values: readonly unknown[]) => new Set(values).size;

for (const clip of bundledClips) {
  Deno.test(`readClip() reads the file of ${clip.id} that the manifest describes`, async () => {
    const digest = await crypto.subtle.digest("SHA-256", await readClip(clip));
    assert.equal(new Uint8Array(digest).toHex(), clip.sha256);
  });

  Deno.test(`bundledClips times each word of ${clip.id}`, () => {
    assert.deepEqual(
      clip.words.map((word) => word.text),
      words(clip.transcript),
    );
    assert.equal(clip.words[0]?.startMs, clip.speechStartMs);
    assert.equal(clip.words.at(-1)?.endMs, clip.speechEndMs);
    assertInOrder([
      0,
      ...clip.words.flatMap((w) => [w.startMs, w.endMs]),
      clip.durationMs,
    ]);
    for (const word of clip.words) {
      assert.ok(word.endMs - word.startMs >= 30, word.text);
    }
  });

  Deno.test(`bundledClips: ${clip.id} is an utterance of 2 to 12 s`, () => {
    assert.ok(
      clip.durationMs >= 2000 && clip.durationMs <= 12_000,
      `${clip.durationMs}`,
    );
    assert.ok(clip.speechStartMs >= 100, "silence before the first word");
    assert.ok(
      clip.durationMs - clip.speechEndMs >= 100,
      "silence after the last word",
    );
  });
}

function assertInOrder(times: readonly number[]) {
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
}

Deno.test("bundledClips stay under 700 KB together", async () => {
  const files = await Promise.all(bundledClips.map(readClip));
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  assert.ok(bytes < 700_000, `${bytes}`);
});

Deno.test("bundledClips vary in voice, format and rate", () => {
  assert.equal(bundledClips.length, 8);
  assert.equal(differentValues(bundledClips.map((clip) => clip.id)), 8);
  assert.ok(differentValues(bundledClips.map((clip) => clip.voice)) >= 4);
  assert.ok(differentValues(bundledClips.map((clip) => clip.format)) >= 4);
  assert.ok(
    differentValues(bundledClips.map((clip) => clip.sampleRateHz)) >= 4,
  );
  assert.ok(
    bundledClips.some((clip) =>
      clip.sampleRateHz === 44_100 && clip.channels === 2
    ),
  );
});

Deno.test("readClip() names the clip whose file is missing", async () => {
  const lost: BundledClip = {
    ...bundledClips[0]!,
    id: "lost",
    file: "no_such_file.wav",
  };
  await assert.rejects(
    readClip(lost),
    /^Error: cannot read the clip lost at .*no_such_file/,
  );
});

Deno.test("readClip() reads over HTTP if the module was imported over HTTP", async () => {
  await withServer(async (origin, cache) => {
    const program = `import { bundledClips, readClip } from "${origin}/mod.ts";
      for (const clip of bundledClips) console.log(clip.id, (await readClip(clip)).length);
      await readClip({ ...bundledClips[0], id: "lost", file: "lost.wav" }).catch((e) => console.log(e.cause.message));`;
    const lines = (await evaluate(program, cache)).trim().split("\n");
    const files = await Promise.all(bundledClips.map(readClip));
    const sizes = bundledClips.map((clip, index) =>
      `${clip.id} ${files[index]?.length}`
    );
    assert.deepEqual(lines, [
      ...sizes,
      "the server answered HTTP 404",
    ]);
  });
});

/** Serves this folder on a free port, with an empty folder for deno's cache. */
async function withServer(
  use: (origin: string, cache: string) => Promise<void>,
) {
  const cache = await Deno.makeTempDir();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    serveFile,
  );
  try {
    await use(`http://127.0.0.1:${server.addr.port}`, cache);
  } finally {
    await server.shutdown();
    await Deno.remove(cache, { recursive: true });
  }
}

async function serveFile(request: Request): Promise<Response> {
  const name = new URL(request.url).pathname;
  const type = name.endsWith(".json")
    ? "application/json"
    : "application/typescript";
  try {
    const body = await Deno.readFile(new URL(`.${name}`, import.meta.url));
    return new Response(body, { headers: { "content-type": type } });
  } catch {
    return new Response("not found", { status: 404 });
  }
}

/** Runs a program without this project's configuration; returns its output. */
async function evaluate(program: string, cache: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-config",
      "--no-lock",
      "--no-check",
      `data:application/typescript,${encodeURIComponent(program)}`,
    ],
    cwd: cache,
    env: { DENO_DIR: cache, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("README.md lists every clip with its transcript, voice and length", async () => {
  const readme = (await Deno.readTextFile(
    new URL("README.md", import.meta.url),
  )).replaceAll(/ +/g, " ");
  for (const { id, transcript, voice, durationMs } of bundledClips) {
    const row = `| \`${id}\` | ${transcript} | \`${voice}\` | ${
      (durationMs / 1000).toFixed(2)
    } s |`;
    assert.ok(readme.includes(row), row);
  }
});
