import {
  isRequestError,
  isUsageError,
  messageOf,
  RunEnded,
  UsageError,
} from "../core/errors.ts";
import type {
  Backend,
  Dataset,
  LoadProfile,
  Reporter,
} from "../core/contract.ts";
import type { PluginConfigInput } from "../core/config.ts";
import type { StageReport } from "../core/report.ts";
import { systemCodeOf } from "../lib/system_code.ts";
import type { Dialect } from "./dialect.ts";
import { validateOptions } from "./options.ts";
import { problemsError } from "./problems.ts";
import type { StandardSchemaV1 } from "./schema.ts";

/** The kinds of plugin and the instance that each one creates. */
export interface Instances {
  /** Sends requests to a model. */
  backend: Backend;
  /** Supplies the sessions of a run. */
  dataset: Dataset;
  /** Shows or stores a result. */
  reporter: Reporter;
  /** Decides when requests start. */
  load: LoadProfile;
  /** Speaks a server's protocol for streaming speech. */
  dialect: Dialect;
}

/** Name of a kind of plugin. */
export type Kind = keyof Instances;

/** The part of a definition that is the same for every kind. */
export interface BaseDefinition<Input = unknown, Output = unknown> {
  /** Name on the command line, in kebab case. */
  readonly name: string;
  /** One line for `earshot list` and the README. */
  readonly summary: string;
  /** The option that `NAME=VALUE` sets on the command line. */
  readonly primary?: string;
  /** Any Standard Schema that also provides its JSON Schema: zod, valibot, ArkType, or one written by hand. */
  readonly options: StandardSchemaV1<Input, Output>;
}

/**
 * Definition of a plugin. A module that is loaded by file or URL may export it by default, with `kind` and
 * `apiVersion: 1` beside it, so that it needs no import but of types.
 */
export interface Definition<K extends Kind, Input = unknown, Output = unknown>
  extends BaseDefinition<Input, Output> {
  /** Of a load: the data that it brings. */
  data?(options: Input): PluginConfigInput | undefined;
  /** Creates the instance from validated options. */
  open(
    options: Output,
    context: OpenContext,
  ): Instances[K] | Promise<Instances[K]>;
}

/** Definition of a load: its function is `profile` in place of `open`. */
export interface LoadDefinition<Input = unknown, Output = unknown>
  extends BaseDefinition<Input, Output> {
  /**
   * The data that the load brings, for options that name it: the data of a run that has no other. Its options may be
   * given with other data only if they agree.
   */
  data?(options: Input): PluginConfigInput | undefined;
  /** Creates the profile from validated options. */
  profile(
    options: Output,
    context: OpenContext,
  ): LoadProfile | Promise<LoadProfile>;
}

/** Services that a plugin may use from the moment it is opened. */
export interface OpenContext {
  /** Reads an environment variable; secrets come from nowhere else. */
  env(name: string): string | undefined;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Shows a message to the user; the run continues. */
  warn(message: string): void;
  /** Records a message for `earshot check`; absent otherwise. The plugin shortens media in the message. */
  trace?(direction: "sent" | "received" | "note", message: string): void;
}

/** Function that binds options to a plugin, for `run()`. */
export interface Plugin<K extends Kind, Options> {
  (options: Options): Configured<K>;
  /** Kind of the plugin. */
  readonly kind: K;
  /** Definition of the plugin. */
  readonly definition: Definition<K>;
}

/** A plugin that sends requests to a model. */
export type BackendPlugin<Options> = Plugin<"backend", Options>;
/** A plugin that supplies the sessions of a run. */
export type DatasetPlugin<Options> = Plugin<"dataset", Options>;
/** A plugin that shows or stores a result. */
export type ReporterPlugin<Options> = Plugin<"reporter", Options>;
/** A plugin that decides when requests start. */
export type LoadPlugin<Options> = Plugin<"load", Options>;

/** A plugin that speaks a server's protocol for streaming speech. */
export type DialectPlugin<Options> = Plugin<"dialect", Options>;

/** A plugin with its options. It does nothing until the run opens it. */
export interface Configured<K extends Kind> {
  /** Kind of the plugin. */
  readonly kind: K;
  /** Name of the plugin. */
  readonly name: string;
  /** Options before validation. Reports show them without secrets. */
  readonly options: unknown;
  /** File or URL that the plugin was loaded from. */
  readonly use?: string;
  /** Definition of the plugin. */
  readonly definition?: Definition<K>;
  /** Of a plugin that joins several: these. */
  readonly parts?: readonly Configured<K>[];
  /**
   * Validates the options and creates the instance.
   *
   * @throws {UsageError} If options are invalid; the error lists every problem.
   */
  open(context: OpenContext): Promise<Instances[K]>;
}

/** Defines a backend. */
export function defineBackend<Input, Output>(
  definition: Definition<"backend", Input, Output>,
): BackendPlugin<Input> {
  return define("backend", definition);
}

/** Defines a dataset. */
export function defineDataset<Input, Output>(
  definition: Definition<"dataset", Input, Output>,
): DatasetPlugin<Input> {
  return define("dataset", definition);
}

/** Defines a reporter. */
export function defineReporter<Input, Output>(
  definition: Definition<"reporter", Input, Output>,
): ReporterPlugin<Input> {
  return define("reporter", definition);
}

/** Defines a dialect. */
export function defineDialect<Input, Output>(
  definition: Definition<"dialect", Input, Output>,
): DialectPlugin<Input> {
  return define("dialect", definition);
}

/** Defines a load. */
export function defineLoad<Input, Output>(
  definition: LoadDefinition<Input, Output>,
): LoadPlugin<Input> {
  return define("load", {
    ...definition,
    open: (options, context) => definition.profile(options, context),
  });
}

/** Creates a plugin from a definition whose kind is known only at run time. */
export function define<K extends Kind, Input, Output>(
  kind: K,
  definition: Definition<K, Input, Output>,
  use?: string,
): Plugin<K, Input> {
  const { name } = definition;
  function configure(options: Input): Configured<K> {
    return {
      kind,
      name,
      options,
      ...(use !== undefined && { use }),
      definition: definition as Definition<K>,
      async open(context) {
        const result = await validateOptions(
          definition.options,
          options,
          context.env,
        );
        if ("problems" in result) throw problemsError(name, result.problems);
        let instance: Instances[K];
        try {
          instance = await definition.open(result.value, context);
        } catch (error) {
          throw context.signal.aborted ? error : failureOf(kind, name, error);
        }
        checkInstance(kind, name, instance);
        return kind === "load"
          ? checkedProfile(name, instance as LoadProfile) as Instances[K]
          : instance;
      },
    };
  }
  return Object.assign(configure, {
    kind,
    definition: definition as Definition<K>,
  });
}

/** Returns the error of a plugin with the plugin's name, unless it explains itself: its author must know which one failed. */
function failureOf(kind: Kind, name: string, cause: unknown): unknown {
  const explainsItself = isUsageError(cause) || isRequestError(cause) ||
    systemCodeOf(cause) !== undefined ||
    cause instanceof Deno.errors.NotCapable;
  if (explainsItself) return cause;
  return new UsageError(`${kind} ${name} failed: ${messageOf(cause)}`, {
    cause,
  });
}

/** Functions that an instance of each kind must have. A load is a function itself. */
const FUNCTIONS: Readonly<Record<Kind, readonly string[]>> = {
  backend: ["send"],
  dataset: ["sessions"],
  reporter: ["report"],
  load: [],
  dialect: ["start", "receive", "begin", "append", "end"],
};

/** @throws {UsageError} If a plugin, which may be written in JavaScript, returned something else than its kind. */
function checkInstance(kind: Kind, name: string, instance: unknown): void {
  const [factory, wanted] = kind === "load"
    ? ["profile", "a function"]
    : ["open", "an object"];
  if (!wanted.endsWith(typeof instance) || instance === null) {
    const type = instance === null ? "null" : `of type ${typeof instance}`;
    throw new UsageError(
      `${kind} ${name}: ${factory} must return ${wanted}, but it was ${type}`,
    );
  }
  for (const each of FUNCTIONS[kind]) {
    if (typeof Reflect.get(Object(instance), each) === "function") continue;
    throw new UsageError(`${kind} ${name}: ${each} must be a function`);
  }
}

/** Number of stages in a row without a request after which a load is refused: it may have no end. */
const MAX_EMPTY_STAGES = 1000;

/** Checks the stages of a profile as they are made. */
function checkedProfile(name: string, profile: LoadProfile): LoadProfile {
  function refuse(rule: string): never {
    throw new UsageError(`load ${name}: ${rule}`);
  }
  function take<Step>(next: () => Step): Step {
    try {
      return next();
    } catch (error) {
      throw error instanceof RunEnded ? error : failureOf("load", name, error);
    }
  }
  return function* (stream, rules) {
    const stages = profile(stream, rules);
    if (typeof stages?.next !== "function") {
      refuse("its function must return a generator of stages");
    }
    let step = take(() => stages.next());
    if (step.done) refuse("must have at least one stage");
    let empty = 0;
    try {
      while (!step.done) {
        // An async generator, or JavaScript, may yield anything.
        if (typeof step.value?.arrivals !== "object") {
          refuse("each stage must have arrivals");
        }
        let report: StageReport;
        try {
          report = yield step.value;
        } catch (ended) {
          step = take(() => stages.throw(ended));
          continue;
        }
        empty = hasRequests(report) ? 0 : empty + 1;
        if (empty === MAX_EMPTY_STAGES) {
          refuse(`${empty} stages in a row had no request`);
        }
        step = take(() => stages.next(report));
      }
      return step.value;
    } finally {
      // A load may yield once more although the run has ended.
      if (take(() => stages.return?.())?.done === false) {
        refuse("must yield no stage after return()");
      }
    }
  };
}

function hasRequests({ counts }: StageReport): boolean {
  const { ok, error, timeout, cancelled, warmup, dropped } = counts;
  return ok + error + timeout + cancelled + warmup + dropped > 0;
}
