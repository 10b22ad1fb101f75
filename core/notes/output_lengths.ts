import { Column } from "../metrics/column.ts";
import type { Sample } from "../sample.ts";

/** Relative difference between two numbers of tokens from which they are not the same. */
const CLEARLY = 0.05;

/** Answers that do not have the length that was asked for, with the medians of both. */
export interface Lengths {
  /** Number of these answers. */
  readonly n: number;
  /** Median of the output tokens that were asked for. */
  readonly asked: number;
  /** Median of the output tokens that the server counted. */
  readonly got: number;
}

/** Output tokens that were asked for, and those that came. */
class AnswerLengths {
  readonly #asked = new Column();
  readonly #got = new Column();

  add({ asked, got }: Asked): void {
    this.#asked.add(asked);
    this.#got.add(got);
  }

  merge(other: AnswerLengths): void {
    this.#asked.merge(other.#asked);
    this.#got.merge(other.#got);
  }

  lengths(): Lengths | undefined {
    const asked = this.#asked.quantile(0.5);
    const got = this.#got.quantile(0.5);
    if (asked === undefined || got === undefined) return undefined;
    return { n: this.#asked.n, asked, got };
  }
}

/** Compares the lengths of answers, as the server counted them, with what was asked for. */
export class OutputLengths {
  readonly #other = new AnswerLengths();
  readonly #cut = new AnswerLengths();
  #exact = 0;
  #limited = 0;

  /** Adds a request that ended `ok`. */
  add(sample: Sample): void {
    const tokens = tokensOf(sample);
    if (tokens === undefined) return;
    const { asked, got } = tokens;
    const difference = Math.abs(got - asked);
    const isOther = difference > Math.max(1, CLEARLY * asked);
    const { isExactLength = false } = sample.input;
    this.#limited++;
    if (isExactLength) this.#exact++;
    if (!isOther) return;
    if (got < asked && endsAtLimit(sample)) this.#cut.add(tokens);
    else if (isExactLength) this.#other.add(tokens);
  }

  /** Adds the answers of other requests of the stage. */
  merge(other: OutputLengths): void {
    this.#other.merge(other.#other);
    this.#cut.merge(other.#cut);
    this.#exact += other.#exact;
    this.#limited += other.#limited;
  }

  /** Answers with clearly fewer or more tokens than exactly asked for, without those that were cut. */
  get other(): Lengths | undefined {
    return this.#other.lengths();
  }

  /** Answers that the server cut although more tokens were allowed. */
  get cut(): Lengths | undefined {
    return this.#cut.lengths();
  }

  /** Number of answers for which an exact number of tokens was requested. */
  get exact(): number {
    return this.#exact;
  }

  /** Number of answers whose tokens were limited by the request. */
  get limited(): number {
    return this.#limited;
  }
}

interface Asked {
  readonly asked: number;
  readonly got: number;
}

/** Tokens that were asked for and those of the answer, if the server counted them. */
function tokensOf({ input, output }: Sample): Asked | undefined {
  const { outputTokens: got, countedBy } = output.usage ?? {};
  const { maxOutputTokens: asked } = input;
  if (asked === undefined || got === undefined) return undefined;
  if ((countedBy?.output ?? "server") !== "server") return undefined;
  return { asked, got };
}

/** Names that servers give to the end of an answer at a limit of tokens: in chats and completions, and in responses. */
const LIMIT_REASONS: ReadonlySet<string | undefined> = new Set([
  "length",
  "max_output_tokens",
]);

/** Whether generation ended at a limit of tokens; of several answers, that of all. */
function endsAtLimit({ output }: Sample): boolean {
  const { choices = [output] } = output;
  return choices.every(({ finishReason }) => LIMIT_REASONS.has(finishReason));
}
