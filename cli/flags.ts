import type { Command, Option } from "commander";
import { redactSpec } from "../lib/redact.ts";
import { UsageError } from "../core/errors.ts";

/** Options of other tools, by their names here: GuideLLM, vLLM bench, AIPerf, k6, wrk, hey and ab. */
const FOREIGN: Readonly<Record<string, string>> = {
  "--load concurrent=N":
    "-c -P --concurrency --max-concurrency --concurrent --connections --num-users --users --vus --streams --threads",
  "--load poisson=RATE or --load constant=RATE":
    "--rate --qps --rps --request-rate --arrival-rate",
  "--load gamma=RATE,burstiness=N": "--burstiness",
  "--load ramp=FROM,to=TO,over=TIME":
    "--ramp-up-strategy --ramp-up-start-rps --ramp-up-end-rps",
  "--load": "--profile --rate-type --scenario",
  "--load replay=TRACE": "--fixed-schedule --self-timed --use-trace-timestamps",
  "--requests N":
    "-n --num-requests --num-prompts --max-requests --request-count --iterations",
  "--duration TIME": "--max-seconds --benchmark-duration --time",
  "--backend NAME,requestTimeoutMs=TIME": "--timeout --request-timeout",
  "--warmup LENGTH":
    "--warmup-percent --warmup-requests --num-warmups --ramp-up --rampup",
  "--cooldown LENGTH": "--cooldown-percent --cool-down",
  "--stop errors=N": "--max-errors --max-failures",
  "--stop saturation": "--over-saturation --detect-saturation",
  "--target URL": "-u --url --base-url --host --server --endpoint --api-base",
  "--model NAME": "--model-name --model-id --served-model-name",
  "--backend NAME": "--backend-type --protocol --endpoint-type",
  "--data":
    "--dataset --dataset-name --dataset-path --input-file --input --prompts --prompt-file",
  "--report json=FILE":
    "-o --output --output-path --output-file --output-dir --outputs --save-result --result-filename --csv --json --format",
  "--seed N": "--random-seed",
  "--no-live": "--disable-tqdm --disable-progress --no-progress",
  "--backend NAME,apiKeyEnv=VARIABLE":
    "--api-key --token --bearer-token --auth",
  "--backend NAME,headers.NAME=VALUE": "-H --header --headers",
  "--backend NAME,maxOutputTokens=N":
    "--max-tokens --max-output-tokens --output-len --random-output-len --output-tokens --osl",
  "--data synthetic,inputTokens=N":
    "--input-len --random-input-len --prompt-tokens --isl",
  "--backend NAME,insecure=true": "-k --insecure",
  "--backend NAME,body.NAME=VALUE":
    "--temperature --top-p --top-k --extra-body --extra-inputs",
  "--backend NAME,ignoreEos=true": "--ignore-eos",
  "--backend NAME,tokenizer=FILE": "--tokenizer",
  "--backend NAME,stream=true or stream=false":
    "--streaming --stream --no-stream",
};

const USE: ReadonlyMap<string, string> = new Map(
  Object.entries(FOREIGN).flatMap(([use, names]) =>
    names.split(" ").map((name) => [name, use] as const)
  ),
);

/** Makes each command suggest what to use instead of an unknown option that another tool has. */
export function explainForeignOptions(program: Command): void {
  const run = program.commands.find((command) => command.name() === "run");
  for (const command of [program, ...program.commands]) {
    const { outputError } = command.configureOutput();
    command.configureOutput({
      outputError(text, write) {
        const [, flag] = text.match(/unknown option '([^'=]+)/) ?? [];
        const hint = flag && hintFor(flag, command, run);
        outputError?.(
          hint ? `error: ${flag}: unknown option; ${hint}\n` : text,
          write,
        );
      },
    });
  }
}

function hintFor(
  flag: string,
  command: Command,
  run: Command | undefined,
): string | undefined {
  if (command.parent === null && run && has(run, flag)) {
    return `options follow the command: earshot run ${flag}`;
  }
  const name = flag.startsWith("--") ? flag : flag.slice(0, 2);
  const use = USE.get(name.replaceAll("_", "-"));
  const target = command.parent === null ? run : command;
  const [option] = use?.match(/^--[a-z-]+/) ?? [];
  return option && target && has(target, option) ? `use ${use}` : undefined;
}

function has(command: Command, flag: string): boolean {
  return command.options.some(({ long, short }) =>
    long === flag || short === flag
  );
}

const OPEN_LOOP = "poisson=RATE or constant=RATE starts RATE requests a second";
const CLOSED_LOOP = "concurrent=N keeps N streams in flight";
const REPLAY = "replay=TRACE starts requests at recorded times";

/** Names that other tools have for loads. */
const FOREIGN_LOADS: ReadonlyMap<string, string> = new Map(Object.entries({
  rate: OPEN_LOOP,
  qps: OPEN_LOOP,
  rps: OPEN_LOOP,
  async: OPEN_LOOP,
  "request-rate": OPEN_LOOP,
  concurrency: CLOSED_LOOP,
  streams: CLOSED_LOOP,
  vus: CLOSED_LOOP,
  synchronous: "sync sends one request after another",
  trace: REPLAY,
  timed_trace: REPLAY,
  "fixed-schedule": REPLAY,
}));

/** Explains a load that other tools name differently, or a bare number; undefined if there is nothing to explain. */
export function explainForeignLoad(text: string): string | undefined {
  const given = text.trim();
  if (/^[\d.,\s]+$/.test(text)) {
    return `must name a load, but was ${
      JSON.stringify(text)
    }; use concurrent=${given} for streams, or poisson=${given} for requests a second`;
  }
  const [, name = ""] = /^([^=,]*)/.exec(given) ?? [];
  const hint = FOREIGN_LOADS.get(name.trim().toLowerCase());
  return hint && `unknown load ${JSON.stringify(name)}; ${hint}`;
}

/** The value of an option that may be given several times. */
export function collect(
  value: string,
  before: readonly string[] = [],
): readonly string[] {
  return [...before, value];
}

/** How to give several values at once, where that is likely to be meant. */
const INSTEAD: Readonly<Record<string, string>> = {
  load: "for several stages give one list: --load concurrent=1,8",
};

/**
 * Refuses an option that is given twice with different values: commander would silently keep the last.
 * Options that gather several values, as `--report` does, have a parser of their own and are left alone.
 */
export function refuseRepeatedOptions(program: Command): void {
  for (const command of program.commands) {
    for (const option of command.options) {
      const takesOne = option.required && option.parseArg === undefined;
      if (takesOne) refuseRepeated(command, option);
    }
  }
}

function refuseRepeated(command: Command, option: Option): void {
  let first: string | undefined;
  command.on(`option:${option.name()}`, (value: string) => {
    first ??= value;
    if (value === first) return;
    const instead = INSTEAD[option.name()] ?? "give one of them";
    throw new UsageError(
      `${option.long}: must be given once, but was given as ${
        JSON.stringify(redactSpec(first))
      } and as ${JSON.stringify(redactSpec(value))}; ${instead}`,
    );
  });
}

/** @throws {UsageError} If the text is not a whole number of at least `least`. */
export function wholeNumber(text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) {
    return value;
  }
  throw new UsageError(
    `must be a whole number of at least ${least}, but was ${
      JSON.stringify(text)
    }`,
  );
}

/** @throws {UsageError} If the value of an option is not a whole number of at least `least`. */
export function numberFlag(
  option: string,
  text: string,
  least: number,
): number {
  try {
    return wholeNumber(text, least);
  } catch (cause) {
    throw new UsageError(`${option} ${(cause as Error).message}`, { cause });
  }
}
