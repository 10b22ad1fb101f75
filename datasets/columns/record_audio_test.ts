import assert from "node:assert/strict";
import { openDecoders } from "../../audio/mod.ts";
import { remoteAudios } from "./record_audio.ts";
import { tone } from "../../tests/support/datasets.ts";

/** Runs a server on loopback. */
async function withServer(
  answer: (url: URL, request: Request) => Response | Promise<Response>,
  run: (base: URL) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => answer(new URL(request.url), request),
  );
  try {
    await run(new URL(`http://127.0.0.1:${server.addr.port}/`));
  } finally {
    await server.shutdown();
  }
}

function open(
  options: { timeoutMs?: number; maxSeconds?: number; signal?: AbortSignal } =
    {},
) {
  const decoders = openDecoders({ threads: 1 });
  const remote = remoteAudios({
    decoders,
    timeoutMs: options.timeoutMs ?? 30_000,
    maxSeconds: options.maxSeconds,
    signal: options.signal ?? new AbortController().signal,
  });
  return {
    remote,
    [Symbol.asyncDispose]: () => decoders[Symbol.asyncDispose](),
  };
}

const unknown = {};

Deno.test("remoteAudios() fetches once, when it is used", async () => {
  let fetched = 0;
  const wav = tone(300);
  await withServer(() => {
    fetched++;
    return new Response(wav);
  }, async (base) => {
    await using opened = open();
    const url = new URL("a/b.wav?token=secret", base);
    const audio = opened.remote(url, unknown);
    assert.equal(fetched, 0);
    assert.ok(Number.isNaN(audio.durationMs));
    const [pcm16, file] = await Promise.all([audio.pcm16(16000), audio.file()]);
    assert.equal(pcm16.length, 4800);
    assert.deepEqual(file.bytes, wav);
    assert.equal(file.name, "b.wav");
    assert.equal(audio.durationMs, 300);
    assert.equal(fetched, 1);
    // The length outlasts the audio.
    assert.equal(opened.remote(url, unknown).durationMs, 300);
  });
});

Deno.test("remoteAudios() makes ids without query and password that differ with them", async () => {
  await using opened = open();
  const id = (url: string) => opened.remote(new URL(url), unknown).id;
  assert.equal(id("https://host/a.wav"), "https://host/a.wav");
  const ids = [
    "https://host/a.wav?key=1",
    "https://host/a.wav?key=2",
    "https://me:pass@host/a.wav",
  ].map(id);
  assert.equal(new Set(ids).size, 3);
  for (const each of ids) {
    assert.match(each, /^https:\/\/host\/a\.wav#[0-9a-f]{12}$/);
  }
});

Deno.test("remoteAudios() has the length of the manifest until the file is read", async () => {
  await withServer(() => new Response(tone(2000)), async (base) => {
    await using opened = open({ maxSeconds: 0.5 });
    const audio = opened.remote(base, { durationMs: 1990 });
    assert.equal(audio.durationMs, 500);
    assert.equal(await audio.wholeMs(), 2000);
    assert.equal(audio.durationMs, 500);
    assert.equal((await audio.pcm16(8000)).length, 4000);
  });
});

Deno.test("remoteAudios() cuts a declared part, and rejects one that is not in the file", async () => {
  await withServer(() => new Response(tone(2000)), async (base) => {
    await using opened = open();
    const url = new URL("a.wav", base);
    const part = opened.remote(url, { startMs: 500, durationMs: 250 });
    const other = opened.remote(url, { startMs: 750, endMs: 1000 });
    assert.equal(part.id, `${base}a.wav#t=0.5,0.75`);
    assert.equal(other.id, `${base}a.wav#t=0.75,1`);
    assert.equal(part.durationMs, 250);
    assert.equal((await part.pcm16(8000)).length, 2000);
    for (const span of [{ durationMs: 7500 }, { startMs: 1900, endMs: 2200 }]) {
      await assert.rejects(
        opened.remote(url, span).pcm16(8000),
        /a\.wav: must .* declared .*, but lasts 2 s; 'columns\./,
      );
    }
  });
});

Deno.test("remoteAudios() reports a status that is not 200, without the query", async () => {
  await withServer(
    () => new Response("no", { status: 404, statusText: "Not Found" }),
    async (base) => {
      await using opened = open();
      const audio = opened.remote(
        new URL("gone.wav?token=secret", base),
        unknown,
      );
      await assert.rejects(audio.pcm16(16000), {
        message:
          `cannot fetch ${base}gone.wav: the status must be 200, but was 404 Not Found`,
      });
      await assert.rejects(audio.file(), /404/);
    },
  );
});

Deno.test("remoteAudios() rejects files that are not audio", async () => {
  await withServer(() => new Response("<html>"), async (base) => {
    await using opened = open();
    const audio = opened.remote(new URL("page.wav", base), unknown);
    await assert.rejects(
      audio.pcm16(16000),
      (error) =>
        error instanceof Error && error.message.includes(`${base}page.wav`),
    );
  });
});

Deno.test("remoteAudios() rejects if the server cannot be reached, without the query", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using opened = open();
  const url = new URL(`http://127.0.0.1:${port}/a.wav?token=secret`);
  await assert.rejects(opened.remote(url, unknown).file(), (error) => {
    assert.ok(error instanceof Error);
    assert.match(
      error.message,
      /^cannot fetch http:\/\/127\.0\.0\.1:\d+\/a\.wav: /,
    );
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

Deno.test("remoteAudios() gives up when a download takes too long, or when the dataset is closed", async () => {
  const stalled: ReadableStreamDefaultController[] = [];
  const answer = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(10));
          stalled.push(controller);
        },
      }),
    );
  await withServer(answer, async (base) => {
    await using late = open({ timeoutMs: 50 });
    await assert.rejects(late.remote(base, unknown).file(), {
      message: `cannot fetch ${base}: it must arrive within 50 ms`,
    });
    const over = new AbortController();
    await using closed = open({ signal: over.signal });
    const file = closed.remote(base, unknown).file();
    over.abort(new Error("the dataset was closed"));
    await assert.rejects(file, /the dataset was closed$/);
    for (const controller of stalled) {
      try {
        controller.close();
      } catch {
        // The client is gone, and the stream with it.
      }
    }
  });
});
