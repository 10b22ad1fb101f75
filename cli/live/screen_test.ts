import assert from "node:assert/strict";
import { fakeTerminal } from "../../tests/support/fake_terminal.ts";
import { LiveBlock } from "./screen.ts";

Deno.test("LiveBlock renews its lines in place, fewer and more, and leaves nothing behind", () => {
  const { screen, lines } = fakeTerminal();
  const block = new LiveBlock(screen);
  screen.write("before\n");
  block.show(["one", "two", "three"]);
  assert.deepEqual(lines(), ["before", "one", "two", "three"]);
  block.show(["1"]);
  assert.deepEqual(lines(), ["before", "1"]);
  block.show(["1", "2"]);
  assert.deepEqual(lines(), ["before", "1", "2"]);
  block.clear();
  block.clear();
  assert.deepEqual(lines(), ["before"]);
  screen.write("report\n");
  assert.deepEqual(lines(), ["before", "report"]);
});

Deno.test("LiveBlock makes room for what others write", () => {
  const { screen, lines } = fakeTerminal();
  const block = new LiveBlock(screen);
  const warn = () => screen.write("warning\n");
  block.aside(warn);
  block.show(["one", "two"]);
  block.aside(warn);
  assert.deepEqual(lines(), ["warning", "warning", "one", "two"]);
});

Deno.test("LiveBlock finds its first line although a narrower terminal broke its lines", () => {
  const { screen, written, resize } = fakeTerminal({ columns: 80 });
  const block = new LiveBlock(screen);
  block.show(["x".repeat(60), "\x1b[1mshort\x1b[22m", ""]);
  resize(25);
  block.clear();
  assert.ok(written().endsWith("\r\x1b[5A\x1b[J"), "three lines, one and one");
});
