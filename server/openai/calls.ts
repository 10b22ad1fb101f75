import type { Body } from "./body.ts";
import type { ChatMessage } from "./prompt.ts";

/** Names of the functions to call, of those that are offered: none where calls were just answered. */
export function callsOf(
  { tools, tool_choice }: Body,
  { messages, count }: { messages: readonly ChatMessage[]; count: number },
): string[] {
  const isAnswered = messages.at(-1)?.role === "tool";
  if (!Array.isArray(tools) || tools.length === 0) return [];
  if (isAnswered || tool_choice === "none") return [];
  const named = nameOf(tool_choice);
  return Array.from(
    { length: count },
    (_, i) => named ?? nameOf(tools[i % tools.length]) ?? "unknown",
  );
}

/** The name of a function, as chats (`{function: {name}}`) or responses (`{name}`) give it. */
function nameOf(tool: unknown): string | undefined {
  const { name, function: inner } = Object(tool) as {
    name?: unknown;
    function?: { name?: unknown };
  };
  const found = inner?.name ?? name;
  return typeof found === "string" ? found : undefined;
}
