import { Command, CommanderError, type Option } from "commander";
import { isRequestError, isUsageError, messageOf } from "../core/errors.ts";
import { version } from "../plugins/host.ts";
import { addCheck } from "./commands/check.ts";
import { addInfo, addList } from "./commands/list.ts";
import { addReport } from "./commands/report.ts";
import { addRun } from "./commands/run.ts";
import { addServe } from "./commands/serve.ts";
import { explainForeignOptions, refuseRepeatedOptions } from "./flags.ts";
import { Interrupted } from "./interrupt.ts";
import { EXIT, printError, safeMessage, type SetExitCode } from "./output.ts";

/** Runs a command; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let code: number = EXIT.done;
  const program = programOf((exitCode) => code = exitCode, args);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    return failed(error, args);
  }
}

/**
 * Builds the program with all commands. Their work is imported when they run, so that help is quick.
 *
 * @param args The arguments: errors quote them without their secrets.
 */
export function programOf(
  setExitCode: SetExitCode,
  args: readonly string[] = [],
): Command {
  const program = new Command("earshot")
    .description(
      "Measures speech and language inference servers: streams speech at the speed of speech, reads what comes " +
        "back at the same time, and says whether the measurement can be trusted.",
    )
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ optionDescription: describeOption })
    .configureOutput({
      outputError: (text, write) =>
        write(`earshot: ${safeMessage(text.replace(/^error: /, ""), args)}`),
    })
    .addHelpText("after", EXIT_CODES);
  addRun(program, setExitCode);
  addReport(program, setExitCode);
  addServe(program, setExitCode);
  addList(program);
  addInfo(program);
  addCheck(program, setExitCode);
  refuseRepeatedOptions(program);
  explainForeignOptions(program);
  return program;
}

/** Describes an option, with its default as it would be typed. */
function describeOption({ description, defaultValue }: Option): string {
  const isShown = ["string", "number"].includes(typeof defaultValue);
  return isShown ? `${description} (default: ${defaultValue})` : description;
}

const EXIT_CODES = `
Exit codes:
  0    done
  1    the run failed: no request succeeded, the server cannot be reached, or a
       report cannot be written
  2    bad arguments, data or files
  3    a stage missed an objective (--slo), or had no data for it
  4    the measurement is not valid: this machine, not the server, was measured
  130  interrupted by Ctrl-C; the partial report has been written
       (128 + the signal's number: 143 for SIGTERM, 129 for SIGHUP)
Where several apply: an interruption, then 1, 3 and 4.

Start with:
  earshot run          streams bundled speech to a reference server
  earshot run --help   all options, with examples
`;

/** Prints the error; returns the exit code. */
function failed(error: unknown, args: readonly string[]): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  if (error instanceof Interrupted) return error.exitCode;
  const fail = (message: string, code: number) => {
    printError(`earshot: ${safeMessage(message, args)}`);
    return code;
  };
  if (isUsageError(error)) return fail(messageOf(error), EXIT.usage);
  const permission = missingPermission(error);
  if (permission !== undefined) {
    return fail(
      `a permission is missing: ${permission}`,
      EXIT.usage,
    );
  }
  if (isRequestError(error) || isOfTheSystem(error)) {
    return fail(messageOf(error), EXIT.failed);
  }
  return fail(
    `internal error; please report it with the lines below\n ${
      Deno.inspect(error)
    }`,
    EXIT.failed,
  );
}

/** Deno's message about a missing permission; an error from a worker has only the message. */
function missingPermission(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof Deno.errors.NotCapable) return error.message;
  return error.message.match(/NotCapable: (.*)/)?.[1];
}

/** Whether the system refused something, such as a full disk: not a defect of the program. */
function isOfTheSystem(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isOfTheSystem);
  if (!(error instanceof Error)) return false;
  const isRefusal = error instanceof Deno.errors.TimedOut ||
    ("code" in error && typeof error.code === "string" &&
      /^E[A-Z0-9]+$/.test(error.code));
  return isRefusal || isOfTheSystem(error.cause);
}
