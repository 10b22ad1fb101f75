import assert from "node:assert/strict";
import fc from "fast-check";
import { type FormField, multipart } from "./multipart.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The fields that another parser of forms finds. */
async function parsed(fields: readonly FormField[]) {
  const { contentType, body } = multipart(fields);
  const headers = { "content-type": contentType };
  return [...await new Response(body, { headers }).formData()];
}

Deno.test("multipart() writes texts and a file in their order, byte for byte", () => {
  const { contentType, body, shown } = multipart([
    { name: "model", value: "whisper" },
    { name: "timestamp_granularities[]", value: "word" },
    {
      name: "file",
      value: {
        bytes: Uint8Array.of(82, 73, 70, 70, 13, 10),
        mediaType: "audio/wav",
        name: 'a "b".wav',
      },
    },
  ]);
  assert.equal(
    contentType,
    "multipart/form-data; boundary=earshot-form-0-end-of-part",
  );
  assert.equal(
    text(body),
    [
      "--earshot-form-0-end-of-part",
      'Content-Disposition: form-data; name="model"',
      "",
      "whisper",
      "--earshot-form-0-end-of-part",
      'Content-Disposition: form-data; name="timestamp_granularities[]"',
      "",
      "word",
      "--earshot-form-0-end-of-part",
      'Content-Disposition: form-data; name="file"; filename="a %22b%22.wav"',
      "Content-Type: audio/wav",
      "",
      "RIFF\r\n",
      "--earshot-form-0-end-of-part--",
      "",
    ].join("\r\n"),
  );
  assert.equal(
    shown,
    'model=whisper · timestamp_granularities[]=word · file=a "b".wav (6 bytes of audio/wav)',
  );
});

Deno.test("multipart() lets no type begin another header", () => {
  const mediaType = 'audio/ogg; codecs="opus"\r\nX-Other: 1';
  const value = { bytes: Uint8Array.of(1), mediaType, name: "a" };
  const { body } = multipart([{ name: "file", value }]);
  const type = 'Content-Type: audio/ogg; codecs="opus" X-Other: 1\r\n';
  assert.ok(text(body).includes(type));
});

Deno.test("multipart() takes another boundary where a value holds the first", async () => {
  const fields = [
    { name: "a", value: "x\r\n--earshot-form-0-end-of-part\r\ny" },
    {
      name: "b",
      value: {
        bytes: new TextEncoder().encode("earshot-form-1-end-of-part"),
        mediaType: "audio/wav",
        name: "b.wav",
      },
    },
  ];
  assert.match(multipart(fields).contentType, /=earshot-form-2-end-of-part$/);
  const [a, b] = await parsed(fields);
  assert.deepEqual(a, ["a", fields[0]!.value]);
  assert.equal(await (b![1] as File).text(), "earshot-form-1-end-of-part");
});

Deno.test("multipart() gives another reader what it was given, whatever that is", async () => {
  const name = fc.stringMatching(/^[\w[\] é日]{1,12}$/);
  const file = fc.record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    mediaType: fc.constantFrom("audio/wav", "audio/ogg"),
    name,
  });
  const value = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constant("\r\n--earshot-form-0-end-of-part--\r\n"),
    file,
  );
  const field = fc.record({ name, value });
  await fc.assert(fc.asyncProperty(
    fc.array(field, { maxLength: 5 }),
    async (fields) => {
      const found = await parsed(fields);
      assert.deepEqual(found.map(([key]) => key), fields.map((f) => f.name));
      for (const [i, { value }] of fields.entries()) {
        const [, got] = found[i]!;
        if (typeof value === "string") assert.equal(got, value);
        else {
          assert.ok(got instanceof File);
          assert.deepEqual([got.name, got.type], [value.name, value.mediaType]);
          assert.deepEqual(await got.bytes(), value.bytes);
        }
      }
      assert.deepEqual(multipart(fields), multipart(fields));
    },
  ));
});
