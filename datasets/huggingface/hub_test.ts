import assert from "node:assert/strict";
import { parquetMetadata } from "hyparquet";
import { UsageError } from "../../plugins/mod.ts";
import { fakeHub } from "../../tests/support/fake_hub.ts";
import { one, open, speech } from "../../tests/support/hub_datasets.ts";

for (
  const [what, dataset, expected] of [
    [
      "gated",
      { refused: { status: 403, code: "GatedRepo" } },
      /^dataset: o\/it is gated: request access at .*no token was sent: set HF_TOKEN.*'tokenEnv'/,
    ],
    [
      "forbidden",
      { refused: { status: 403 } },
      /^dataset: o\/it may not be read: status 403; no token was sent/,
    ],
    [
      "busy",
      { refused: { status: 429 } },
      /^endpoint: too many requests.*'tokenEnv'/,
    ],
    [
      "broken",
      { refused: { status: 500 } },
      /^endpoint: .* answered with status 500$/,
    ],
    [
      "empty",
      { revisions: { main: { files: { "README.md": "" } } } },
      /^dataset: o\/it must have Parquet.*but has "README\.md"$/,
    ],
  ] as const
) {
  Deno.test(`huggingface() says what to do about a dataset that is ${what}`, async () => {
    await using hub = fakeHub({ "o/it": { revisions: {}, ...dataset } });
    const error = await open({
      dataset: "o/it",
      endpoint: hub.endpoint,
      cache: false,
    }).then(() => assert.fail(), (error) => error);
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, expected);
  });
}

Deno.test("huggingface() reports why files cannot be opened", async () => {
  const damaged = speech(2);
  const [first] = parquetMetadata(damaged).row_groups;
  const { data_page_offset } = first!.columns.at(-1)!.meta_data!;
  damaged.fill(0xff, Number(data_page_offset), Number(data_page_offset) + 8);
  await using hub = fakeHub({
    "o/damaged": one({ "test.parquet": damaged }),
    "o/cut": one({ "test.parquet": speech(2).slice(0, 5000) }),
    "o/gated": { ...one({ "test.parquet": speech(2) }), gatesFiles: true },
  });
  for (
    const [dataset, expected] of [
      [
        "o/damaged",
        /^o\/damaged: cannot read rows 1 to 2 of o\/damaged\/test\.parquet: its pages are damaged$/,
      ],
      ["o/cut", /^o\/cut\/test\.parquet: .* was it cut short\?$/],
      ["o/gated", /^dataset: o\/gated is gated/],
    ] as const
  ) {
    await assert.rejects(
      open({ dataset, endpoint: hub.endpoint, cache: false }),
      (error) => {
        assert.ok(error instanceof UsageError, Deno.inspect(error));
        assert.match(error.message, expected);
        return true;
      },
    );
  }
});

Deno.test("huggingface() gives up on a hub that sends nothing", async () => {
  const silent = Promise.withResolvers<Response>();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => silent.promise,
  );
  await assert.rejects(
    open({
      dataset: "o/x",
      endpoint: `http://127.0.0.1:${server.addr.port}`,
      cache: false,
      fetchTimeoutMs: 50,
    }),
    /^UsageError: endpoint: cannot fetch .*nothing arrived within 50 ms/,
  );
  silent.resolve(new Response());
});

Deno.test("huggingface() reports a server that is not a hub", async () => {
  for (const answer of ["<html>", "{}"]) {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response(answer),
    );
    const endpoint = `http://127.0.0.1:${server.addr.port}`;
    await assert.rejects(open({ dataset: "o/x", endpoint, cache: false }), {
      name: "UsageError",
      message:
        `endpoint: must be a Hugging Face hub, but ${endpoint} answers differently`,
    });
  }
});

Deno.test("huggingface() lists the names if one is unknown, and suggests the nearest", async () => {
  const parts = {
    "clean/test/0000.parquet": speech(1),
    "clean/validation/0000.parquet": speech(1),
    "other/test/0000.parquet": speech(1),
  };
  await using hub = fakeHub({ "openslr/librispeech_asr": one(parts) });
  const options = {
    dataset: "openslr/librispeech_asr",
    endpoint: hub.endpoint,
    cache: false,
  };
  for (
    const [wrong, expected] of [
      [{}, /config: must be given: openslr\/librispeech_asr has clean, other$/],
      [
        { config: "claen" },
        /config: unknown config "claen"; did you mean "clean"\?; .* has clean, other$/,
      ],
      [
        { config: "clean", split: "tset" },
        /split: unknown split "tset"; did you mean "test"\?; .* has test, validation$/,
      ],
      [
        { dataset: "openslr/librispeech" },
        /dataset: unknown dataset "openslr\/librispeech"; did you mean "openslr\/librispeech_asr"\?/,
      ],
      [
        { revision: "v9" },
        /revision: openslr\/librispeech_asr has no branch, tag or commit "v9"/,
      ],
    ] as const
  ) await assert.rejects(open({ ...options, ...wrong }), expected);
  await assert.rejects(
    open({ ...options, endpoint: "http://127.0.0.1:9", fetchTimeoutMs: 5000 }),
    /endpoint: cannot fetch http:\/\/127\.0\.0\.1:9\//,
  );
});
