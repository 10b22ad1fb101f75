import type { Message, Turn } from "../plugins/mod.ts";
import { chatOf, wordsOf } from "./columns/chat.ts";
import {
  type ChatTurn,
  chatTurns,
  type Turns,
  turnsOf,
} from "./columns/chat_turns.ts";

/** Which conversations are kept, and how much of them. */
export interface ConversationRules {
  readonly turns: Turns;
  /** Whether each answer is to be as long as the recorded one. */
  readonly isAsRecorded: boolean;
  readonly minTurns: number;
  readonly maxTurns?: number | undefined;
  readonly minPromptTokens?: number | undefined;
  readonly maxPromptTokens?: number | undefined;
  readonly minAnswerTokens?: number | undefined;
  readonly maxTotalTokens?: number | undefined;
  /** Counts the tokens of a text. */
  count(text: string): number | Promise<number>;
}

/**
 * The turns of a recorded conversation; nothing, where the rules leave it out.
 *
 * @param system What stands beside it for the model: it goes ahead of everything else.
 *
 * @throws {Error} If it cannot be read.
 */
export async function conversationTurns(
  value: unknown,
  rules: ConversationRules,
  system?: string,
): Promise<readonly Turn[] | undefined> {
  if (Array.isArray(value) && value.length === 0) return undefined;
  const { isAsRecorded, minTurns, maxTurns } = rules;
  const recorded = chatTurns([
    ...(system ? [{ role: "system", content: system } as const] : []),
    ...await chatOf(value, NO_MEDIA),
  ]);
  const usable = isAsRecorded
    ? recorded.filter(({ answer }) => answer !== undefined)
    : recorded;
  const kept = usable.slice(0, maxTurns);
  if (kept.length < minTurns || !await fits(kept, rules)) return undefined;
  const turns = turnsOf(kept.flatMap(messagesOf), rules.turns, {
    columns: {},
    isCompared: false,
  });
  if (!isAsRecorded) return turns;
  return await Promise.all(turns.map((turn) => bounded(turn, rules)));
}

const NO_MEDIA = {
  audio: refuseMedia,
  image: refuseMedia,
  take: () => undefined,
};

function refuseMedia(): never {
  throw new Error(
    "it must be text, as ShareGPT's conversations are: the dataset text reads chats with media",
  );
}

function messagesOf({ asked, answer }: ChatTurn): readonly Message[] {
  if (answer === undefined) return asked;
  return [...asked, { role: "assistant", content: answer }];
}

/** The answer may be as long as the one that was recorded. */
async function bounded(
  turn: Turn,
  { count }: ConversationRules,
): Promise<Turn> {
  const tokens = await count(turn.columns.answer ?? "");
  return { ...turn, maxOutputTokens: Math.max(1, tokens) };
}

/** Whether prompts and answers are as long as they may be. Nothing is counted that is not asked for. */
async function fits(
  turns: readonly ChatTurn[],
  rules: ConversationRules,
): Promise<boolean> {
  const { minPromptTokens = 0, maxPromptTokens = Infinity } = rules;
  const { minAnswerTokens = 0, maxTotalTokens = Infinity } = rules;
  const limits = [
    rules.minPromptTokens,
    rules.maxPromptTokens,
    rules.minAnswerTokens,
    rules.maxTotalTokens,
  ];
  if (limits.every((limit) => limit === undefined)) return true;
  let total = 0;
  for (const { asked, answer = "" } of turns) {
    const prompt = await rules.count(asked.map(wordsOf).join("\n"));
    const answered = await rules.count(answer);
    total += prompt + answered;
    if (
      prompt < minPromptTokens || prompt > maxPromptTokens ||
      answered < minAnswerTokens || total > maxTotalTokens
    ) return false;
  }
  return true;
}
