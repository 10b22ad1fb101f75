import { didYouMean } from "../lib/text.ts";
import { type Fault, oneOf, parseFault } from "./faults.ts";

/** A setting of the server: its values, its default and its help. */
export interface Setting<Value> {
  readonly default: Value;
  readonly help: string;
  /** Rule of its values: `a whole number between 0 and 128`. */
  readonly rule: string;
  /** The words that it takes, if it takes only some. */
  readonly choices?: readonly string[];
  /** Reads a value from text; undefined if it breaks the rule. */
  read(text: string): unknown;
}

/** Settings by name. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value>
    ? Value
    : never;
};

/** A number from `min` to `max`, if there is a limit. */
function number<Value extends number | undefined>(
  value: Value,
  help: string,
  [min, max]: readonly [min?: number, max?: number],
  isWhole = false,
): Setting<Value extends number ? number : number | undefined> {
  const limits = max !== undefined
    ? ` between ${min} and ${max}`
    : min !== undefined
    ? ` of at least ${min}`
    : "";
  return {
    default: value as never,
    help,
    rule: (isWhole ? "a whole number" : "a number") + limits,
    read(text) {
      const value = text.trim() === "" ? NaN : Number(text);
      const isValid = value >= (min ?? -MAX) && value <= (max ?? MAX) &&
        (!isWhole || Number.isInteger(value));
      return isValid ? value : undefined;
    },
  };
}

const MAX = Number.MAX_SAFE_INTEGER;

const time = <Value extends number | undefined>(value: Value, help: string) =>
  number(value, help, [0]);

const count = (value: number, help: string, min?: number, max?: number) =>
  number(value, help, max ? [min ?? 0, max] : [min ?? 0], true);

function flag(value: boolean, help: string): Setting<boolean> {
  return {
    default: value,
    help,
    rule: "true or false",
    read: (text) => FLAGS.get(text),
  };
}

const FLAGS = new Map([["true", true], ["false", false]]);

/** A setting with a few words as its values. The first is the default. */
function choice<const Word extends string>(
  words: readonly [Word, ...Word[]],
  help: string,
): Setting<Word> {
  return {
    default: words[0],
    help,
    rule: oneOf(words),
    choices: words,
    read: (text) => words.find((word) => word === text),
  };
}

const SHARED_SETTINGS = {
  maxModelLen: count(16_384, "Most tokens, prompt included.", 1, 1_048_576),
  wordErrorRate: number(0, "Expected WER of transcripts.", [0, 1]),
  wordsPerSecond: time(2.5, "Words per second of sound in unknown audio."),
};

/** The settings of a session of `/v1/realtime`. */
export const SESSION_SETTINGS = {
  mode: choice(
    ["tokens", "segments"],
    "`tokens`: a delta per 80 ms of audio, as voxtral; `segments`: a burst per segment, as qwen3-asr.",
  ),
  delayMs: time(480, "Delay of a word after its end, in audio time."),
  jitterMs: time(0, "Largest deviation of that delay."),
  tokenMs: time(8, "Compute time of a token."),
  tokenJitterMs: time(0, "Random addition to that time, at most."),
  finalTokenMs: time(undefined, "Compute time after the final commit."),
  rightPadTokens: count(17, "Silent tokens decoded after the audio."),
  promptTokens: count(39, "Tokens, of 80 ms each, before the first delta."),
  leftPadTokens: count(32, "How many of these the server supplies."),
  segmentMs: number(5000, "Length of a segment.", [25]),
  tokensPerDelta: count(3, "Tokens of a delta in mode `segments`.", 1),
  segmentPrefix: {
    default: "",
    help: "Text before a segment, as `language English<asr_text>`.",
    rule: "a text",
    read: (text) => text,
  } as Setting<string>,
  acceptDelayMs: time(0, "Delay of the upgrade's response."),
  createdDelayMs: time(0, "Delay of `session.created`."),
  pingIntervalMs: time(20_000, "Time between pings; 0: no pings."),
  pongTimeoutMs: time(20_000, "Time until a missing pong closes with 1011."),
  ...SHARED_SETTINGS,
};

/** The settings of a request to one of the other endpoints. */
export const REQUEST_SETTINGS = {
  dialect: choice(["vllm", "openai"], "`vllm` or `openai`: fields and errors."),
  ttftMs: time(50, "TTFT."),
  ttftJitterMs: time(0, "Jitter of the TTFT."),
  prefillMsPerToken: time(0, "Added to the TTFT per uncached prompt token."),
  itlMs: time(10, "ITL."),
  itlJitterMs: time(0, "Jitter of the ITL."),
  jitterShape: choice(
    ["even", "normal", "exponential"],
    "`even`: at most the jitter; `normal`: the jitter is the standard deviation; `exponential`: it is the mean, only later.",
  ),
  outputTokens: count(128, "Tokens of an answer."),
  outputTokensJitter: count(0, "Largest deviation of that."),
  tokensPerEvent: count(1, "Tokens of an event, due with the last.", 1),
  emptyEvery: count(0, "Every n-th event has no text; 0: none."),
  eventsPerWrite: count(1, "Events per write.", 1),
  keepAliveMs: time(0, "Silence before a comment (`: ping`); 0: none."),
  roleChunk: choice(
    ["token", "accept", "none"],
    "When the chunk with the role comes: with the first `token`, at once (`accept`) or never (`none`).",
  ),
  reasoningTokens: count(0, "Tokens of an answer that are reasoning."),
  reasoningField: choice(
    ["reasoning", "reasoning_content"],
    "`reasoning` or `reasoning_content`.",
  ),
  toolCalls: count(0, "Calls, if a request offers `tools`.", 0, 128),
  refusal: flag(false, "Answers with a refusal."),
  echo: flag(false, "Repeats the user's last message."),
  usageStyle: choice(
    ["asked", "final", "finish", "every", "none"],
    "Sends usage as `asked`, in a `final` chunk, with the `finish` reason, with `every` chunk or never (`none`).",
  ),
  cachedTokens: count(0, "Prompt tokens from the cache."),
  imageTokens: count(256, "Prompt tokens of a picture."),
  videoTokens: count(1024, "Prompt tokens of a video."),
  audioTokensPerSecond: time(12.5, "Prompt tokens per second of audio."),
  done: flag(true, "Ends streams with `[DONE]`."),
  refuseStreamOptions: flag(false, "Answers 400 to `stream_options`."),
  gzip: flag(false, "Compresses answers for clients that accept it."),
  maxConcurrentRequests: count(0, "Requests at a time; more get 503; 0: any."),
  failAfterRequests: count(0, "Requests before all others get 500; 0: any."),
  dimensions: count(384, "Default length of a vector.", 1, 65_536),
  rtfx: time(0, "Adds audio length / RTFx to the TTFT; 0: nothing."),
  clipMs: number(30_000, "Length of the parts of long audio.", [100]),
  ...SHARED_SETTINGS,
};

/** Settings of the whole server. */
const SERVER_SETTINGS = {
  port: count(0, "Port; 0: any free one.", 0, 65_535),
  seed: number(1, "Seed of everything random.", [], true),
  maxFrameBytes: count(16_777_216, "Larger frames close with 1009.", 1),
  healthStatus: count(200, "Status of `/health`.", 200, 599),
  logEntries: count(1_000_000, "Log entries kept.", 1),
  maxNumSeqs: number(undefined, "Decoding at a time; others wait.", [1], true),
};

const ALL_SETTINGS = {
  ...SERVER_SETTINGS,
  ...SESSION_SETTINGS,
  ...REQUEST_SETTINGS,
};

/** Options of the server, of its sessions and of its requests, as plain data. */
export interface Options extends ValuesOf<typeof ALL_SETTINGS> {
  readonly faults: readonly Fault[];
  readonly hostname: string;
  /** The model's name. */
  readonly model: string;
  /** Every model that the server has. @default [model] */
  readonly models?: readonly string[];
  /** Certificate and key in PEM, to serve over TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Key that `Authorization: Bearer …` must have below `/v1`. */
  readonly apiKey?: string;
  /** Prefix of every path, as `/team-a`. */
  readonly pathPrefix: string;
  /** Accepts permessage-deflate. */
  readonly deflate: boolean;
}

/** Options that a program gives. The others have their defaults. */
export type ServerOptions = Partial<Options>;

/** The defaults of the server and of all its sessions and requests. */
export const DEFAULTS: Options = {
  ...defaultsOf(ALL_SETTINGS),
  faults: [],
  hostname: "127.0.0.1",
  model: "earshot-reference",
  pathPrefix: "",
  deflate: true,
};

function defaultsOf<Table extends Settings>(table: Table): ValuesOf<Table> {
  const entries = Object.entries(table);
  return Object.fromEntries(
    entries.map(([name, setting]) => [name, setting.default]),
  ) as ValuesOf<Table>;
}

/**
 * Checks options that a program gives, and adds the defaults.
 *
 * @throws {TypeError} If a value breaks its setting's rule.
 */
export function resolveOptions(options: ServerOptions): Options {
  const settings: Settings = ALL_SETTINGS;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !Object.hasOwn(settings, name)) continue;
    const isSame = readSetting(settings, name, String(value)) === value;
    if (!isSame) throw wrongValue(name, settings[name]!, String(value));
  }
  return { ...DEFAULTS, ...options };
}

/**
 * Reads a setting's value from text.
 *
 * @throws {TypeError} If the text breaks the setting's rule.
 */
export function readSetting(
  settings: Settings,
  name: string,
  text: string,
): unknown {
  const setting = settings[name]!;
  const value = setting.read(text);
  if (value === undefined) throw wrongValue(name, setting, text);
  return value;
}

function wrongValue(
  name: string,
  { rule, choices = [] }: Setting<unknown>,
  text: string,
): TypeError {
  const hint = didYouMean(text, choices);
  return new TypeError(
    `${name} must be ${rule}, but was ${text || '""'}${hint}`,
  );
}

/**
 * The options of one connection or request: the server's, changed by the query
 * (`?tokenMs=0&fault=drop@appends:5`, `fault` as often as needed) or by the header `earshot-options`, which has the
 * same form. Unknown names pass in a query, as with a real server. Only this server reads the header, so there they are
 * mistakes.
 *
 * @throws {TypeError} If a name in the header or a value is wrong.
 */
export function readOptions(
  { query, header }: { query: string; header: string },
  current: Options,
  settings: Settings,
): Options {
  const changes: Record<string, unknown> = {};
  const faults = [...current.faults];
  const ofHeader = new URLSearchParams(header);
  for (const name of ofHeader.keys()) {
    if (name !== "fault" && !Object.hasOwn(settings, name)) {
      throw unknownSetting(name, settings);
    }
  }
  for (const [name, text] of [...new URLSearchParams(query), ...ofHeader]) {
    if (name === "fault") faults.push(parseFault(text));
    else if (Object.hasOwn(settings, name)) {
      changes[name] = readSetting(settings, name, text);
    }
  }
  return { ...current, ...changes, faults };
}

function unknownSetting(name: string, settings: Settings): TypeError {
  const names = Object.keys(settings);
  const hint = didYouMean(name, names) || didYouMean(`${name}Ms`, names);
  return new TypeError(`earshot-options: unknown setting "${name}"${hint}`);
}
