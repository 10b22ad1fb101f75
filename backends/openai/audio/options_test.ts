import assert from "node:assert/strict";
import { isUsageError } from "../../../plugins/mod.ts";
import {
  transcriptions,
  type TranscriptionsOptions,
  translations,
} from "./transcriptions.ts";

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
        `^must be json, text or diarized_json if stream is true \\(stream=false allows all\\).* "?${responseFormat}"?$`,
      ),
    ] as const
  ),
  [
    "a sample rate for unchanged files",
    { sampleRateHz: 8000 },
    "sampleRateHz",
    /^must not be set unless audioFormat is wav.* 8000$/,
  ],
  [
    "a temperature below 0",
    { temperature: -1 },
    "temperature",
    /must be 0 to 2.* -1$/,
  ],
  [
    "an empty language",
    { language: "" },
    "language",
    /must not be empty/,
  ],
  [
    "a file in the body",
    { body: { file: "a.wav" } },
    "body",
    /^must not set file, which the data provides/,
  ],
  [
    "a stream in the body",
    { body: { stream: true } },
    "body",
    /option stream/,
  ],
  [
    "a response format in the body",
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
    Deno.test(`${plugin.definition.name}() rejects ${name}`, async () => {
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
