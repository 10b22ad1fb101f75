import assert from "node:assert/strict";
import type { Image, Message } from "../../plugins/mod.ts";
import { withImages } from "./chat_images.ts";

const image = (id: string) => ({ id }) as Image;

/** What a message came to, pictures as `[id]`. */
function shown({ content }: Message): unknown {
  return typeof content === "string"
    ? content
    : content.map((part) =>
      part.kind === "image"
        ? [part.image.id]
        : part.kind === "text" && part.text
    );
}

Deno.test("withImages() puts pictures where the marks are, and others ahead of what the user says first", () => {
  const cases: [string[], string[], unknown[]][] = [
    [["Hi"], [], ["Hi"]],
    [["<image>"], [], ["<image>"]],
    [["What?"], ["a"], [[["a"], "What?"]]],
    [["<image>\nWhat?"], ["a"], [[["a"], "What?"]]],
    [["What?\n<image>"], ["a"], [["What?", ["a"]]]],
    [["<image> or <image>?"], ["a", "b"], [[["a"], "or", ["b"], "?"]]],
    [["One", "<image>"], ["a"], ["One", [["a"]]]],
    [["<image>", "<image>"], ["a"], [[["a"]], "<image>"]],
    [["<image> <image>"], ["a"], [[["a"], "<image>"]]],
    [["One <image>"], ["a", "b"], [[["b"], "One", ["a"]]]],
  ];
  for (const [said, images, expected] of cases) {
    const chat = said.flatMap((content): Message[] => [
      { role: "system", content: "<image>" },
      { role: "user", content },
    ]);
    const result = withImages(chat, images.map(image));
    assert.deepEqual(
      result.filter(({ role }) => role === "user").map(shown),
      expected,
      said.join(),
    );
    assert.ok(
      result.every(({ role, content }) =>
        role === "user" || content === "<image>"
      ),
    );
  }
});

Deno.test("withImages() leaves parts as they are behind what it puts ahead of them", () => {
  const parts = [{ kind: "text", text: "Look" }] as const;
  const [message] = withImages([{ role: "user", content: parts }], [
    image("a"),
  ]);
  assert.deepEqual(shown(message!), [["a"], "Look"]);
});
