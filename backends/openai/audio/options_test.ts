import assert from "node:assert/strict";
import { isUsageError } from "../../../plugins/mod.ts";
import {
  transcriptions,
  type TranscriptionsOptions,
} from "./transcriptions.ts";
import { translations } from "./translations.ts";

const REFUSED: readonly (readonly [
  string,
  Partial<TranscriptionsOptions>,
  string,
  RegExp,
])[] = [
  ...(["verbose_json", "srt", "vtt"] as const).map((responseFormat) =>
    [
      `a stream of ${responseFormat}`,
      { responseFormat },
      "responseFormat",
      new RegExp(
        `^Cannot be streamed as only json, text and diarized_json can \\(stream=false does without\\): current value is ${responseFormat}$`,
      ),
    ] as const
  ),
  [
    "a rate for files that go as they are",
    { sampleRateHz: 8000 },
    "sampleRateHz",
    /audioFormat=wav: current value is 8000$/,
  ],
  [
    "a temperature below 0",
    { temperature: -1 },
    "temperature",
    /must be 0 to 2: current value is -1$/,
  ],
  [
    "a language that is none",
    { language: "" },
    "language",
    /must not be empty/,
  ],
  [
    "a file by the body",
    { body: { file: "a.wav" } },
    "body",
    /^Cannot set file/,
  ],
  [
    "a stream by the body",
    { body: { stream: true } },
    "body",
    /option stream/,
  ],
  [
    "a form by the body",
    { body: { response_format: "text" } },
    "body",
    /option responseFormat/,
  ],
  [
    "half of a client certificate",
    { clientCert: "a.pem" },
    "clientKey",
    /clientCert/,
  ],
];

for (const [name, options, path, message] of REFUSED) {
  for (const plugin of [transcriptions, translations]) {
    Deno.test(`${plugin.definition.name}() refuses ${name}`, async () => {
      const configured = plugin(
        { target: "http://127.0.0.1:9", ...options } as Parameters<
          typeof translations
        >[0],
      );
      await assert.rejects(
        configured.open({
          env: () => undefined,
          signal: new AbortController().signal,
          warn: () => {},
        }),
        (error) => {
          assert.ok(isUsageError(error));
          assert.deepEqual(error.problems.map(({ path }) => path), [path]);
          assert.match(error.problems[0]!.message, message);
          return true;
        },
      );
    });
  }
}
