import assert from "node:assert/strict";
import { bundledClips, readClip } from "../clips/mod.ts";
import { fakeHub } from "./support/fake_hub.ts";
import { audioColumn, parquetOf } from "./support/parquet.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";
import { QUICK, serve } from "./support/serve.ts";

Deno.test("run streams speech from Hugging Face with WER 0, and downloads nothing the second time", async () => {
  const { column, schema } = audioColumn(
    "audio",
    await Promise.all(bundledClips.map(async (clip) => ({
      bytes: await readClip(clip),
      path: clip.file,
    }))),
  );
  const text = bundledClips.map(({ transcript }) => transcript);
  const parquet = parquetOf([column, { name: "text", data: text }], {
    rowGroupSize: 3,
    schema: [{ name: "root", num_children: 2 }, ...schema, {
      name: "text",
      type: "BYTE_ARRAY",
      converted_type: "UTF8",
      repetition_type: "OPTIONAL",
    }],
  });
  await using folder = await tempFolder();
  await using server = await serve(QUICK);
  const token = "hf_token_of_the_test";
  await using hub = fakeHub({
    "o/speech": {
      token,
      revisions: {
        main: { files: { "clean/test-00000-of-00001.parquet": parquet } },
      },
    },
  });
  const downloads: number[] = [];
  for (const name of ["first.json", "second.json"]) {
    hub.forget();
    const { code, stdout, stderr } = await earshot([
      "run",
      ...["--backend", "realtime,speed=10", "--target", server.wsUrl],
      ...["--data", "huggingface=o/speech,config=clean,shuffle=true,limit=5"],
      ...["--load", "concurrent=2", "--report", `json=${name}`],
    ], {
      cwd: folder.path,
      env: {
        HF_ENDPOINT: hub.endpoint,
        HF_TOKEN: token,
        HF_HOME: folder.at("home"),
      },
    });
    assert.ok(code === 0 || code === 4, stdout + stderr);
    const report = await readReport(folder.path, name);
    const [stage] = report.stages;
    assert.equal(stage.counts.ok, 5);
    assert.equal(stage.quality.wer.value, 0);
    assert.ok(!JSON.stringify(report).includes(token));
    downloads.push(
      hub.asked.filter(({ host }) => host === "cdn").length,
    );
  }
  assert.ok(downloads[0]! > 0);
  assert.equal(downloads[1], 0);
});
