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
      /given you access.*'tokenEnv'.*no token \(set HF_TOKEN/,
    ],
    [
      "forbidden",
      { refused: { status: 403 } },
      /'tokenEnv' must name a token.*status 403/,
    ],
    [
      "busy",
      { refused: { status: 429 } },
      /must not be asked too often.*'tokenEnv'.*429/,
    ],
    [
      "broken",
      { refused: { status: 500 } },
      /'endpoint' must be a hub that answers.*500/,
    ],
    [
      "empty",
      { revisions: { main: { files: { "README.md": "" } } } },
      /must have Parquet.*README\.md/,
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
    assert.match(error.message, /^Cannot open the dataset o\/it as /);
    assert.match(error.message, expected);
  });
}

Deno.test("huggingface() says of files that cannot be had why, and not that the hub cannot", async () => {
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
        /as its files must be there and whole: current value is cannot read rows 1 to 2 of o\/damaged\/test\.parquet: its pages are damaged$/,
      ],
      ["o/cut", /^o\/cut\/test\.parquet: .* was it cut short\?$/],
      ["o/gated", /its owner must have given you access/],
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

Deno.test("huggingface() gives up on a hub from which nothing comes", async () => {
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
    /'endpoint' must be a hub that can be reached.*something must come within 50 ms/,
  );
  silent.resolve(new Response());
});

Deno.test("huggingface() says of what is no hub that it answers otherwise", async () => {
  for (const answer of ["<html>", "{}"]) {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response(answer),
    );
    const endpoint = `http://127.0.0.1:${server.addr.port}`;
    await assert.rejects(open({ dataset: "o/x", endpoint, cache: false }), {
      name: "UsageError",
      message:
        `Cannot open the dataset o/x as 'endpoint' must be a hub that answers as Hugging Face's does: current value is ${endpoint}, whose answer is another`,
    });
  }
});

Deno.test("huggingface() says which names there are where one is wrong, and which is near", async () => {
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
      [{}, /'config' must be one of clean, other: current value is missing$/],
      [
        { config: "claen" },
        /'config' must be one of clean, other: current value is claen; did you mean clean\?/,
      ],
      [
        { config: "clean", split: "tset" },
        /'split' must be one of test, validation: current value is tset; did you mean test\?/,
      ],
      [
        { dataset: "openslr/librispeech" },
        /'dataset' must name one that is public.*did you mean openslr\/librispeech_asr\?/,
      ],
      [
        { revision: "v9" },
        /'revision' must be a branch, a tag or a commit of it: current value is v9/,
      ],
    ] as const
  ) await assert.rejects(open({ ...options, ...wrong }), expected);
  await assert.rejects(
    open({ ...options, endpoint: "http://127.0.0.1:9", fetchTimeoutMs: 5000 }),
    /'endpoint' must be a hub that can be reached: current value is http:\/\/127\.0\.0\.1:9/,
  );
});
