import type { Command } from "commander";

/** Names that other tools have for what earshot calls otherwise: GuideLLM, vLLM bench, AIPerf, k6, wrk, hey and ab. */
const FOREIGN: readonly (readonly [names: string, use: string])[] = [
  [
    "-c -P --concurrency --max-concurrency --concurrent --connections --num-users --users --vus --streams --threads",
    "--load concurrent=N",
  ],
  [
    "--rate --qps --rps --request-rate --arrival-rate",
    "--load poisson=RATE or --load constant=RATE",
  ],
  ["--profile --rate-type --scenario", "--load"],
  [
    "-n --num-requests --num-prompts --max-requests --request-count --iterations",
    "--requests N",
  ],
  ["--max-seconds --benchmark-duration --time", "--duration TIME"],
  ["--timeout --request-timeout", "--backend NAME,requestTimeoutMs=TIME"],
  [
    "--warmup-percent --warmup-requests --num-warmups --ramp-up --rampup",
    "--warmup TIME",
  ],
  ["-u --url --base-url --host --server --endpoint --api-base", "--target URL"],
  ["--model-name --model-id --served-model-name", "--model NAME"],
  ["--backend-type --protocol --endpoint-type", "--backend NAME"],
  [
    "--dataset --dataset-name --dataset-path --input-file --input --prompts --prompt-file",
    "--data",
  ],
  [
    "-o --output --output-path --output-file --output-dir --outputs --save-result --result-filename --csv --json --format",
    "--report json=FILE",
  ],
  ["--random-seed", "--seed N"],
  [
    "--api-key --token --bearer-token --auth",
    "--backend NAME,apiKeyEnv=VARIABLE",
  ],
  ["-H --header --headers", "--backend NAME,headers.NAME=VALUE"],
  [
    "--max-tokens --max-output-tokens --output-len --random-output-len --output-tokens --osl",
    "--backend NAME,maxOutputTokens=N",
  ],
  [
    "--input-len --random-input-len --prompt-tokens --isl",
    "--data synthetic,inputTokens=N",
  ],
  ["-k --insecure", "--backend NAME,insecure=true"],
  [
    "--temperature --top-p --top-k --extra-body --extra-inputs",
    "--backend NAME,body.NAME=VALUE",
  ],
  ["--ignore-eos", "--backend NAME,ignoreEos=true"],
  ["--tokenizer", "--backend NAME,tokenizer=FILE"],
  [
    "--streaming --stream --no-stream",
    "--backend NAME,stream=true or stream=false",
  ],
];

const USE: ReadonlyMap<string, string> = new Map(
  FOREIGN.flatMap(([names, use]) =>
    names.split(" ").map((name) => [name, use] as const)
  ),
);

/** Has every command say, of an unknown option that another tool has, what to use here. */
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
