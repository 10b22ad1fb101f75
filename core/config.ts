/** Name of a normalizer, which is applied to texts before they are compared. */
export type NormalizerName = "none" | "basic";

/** Number of values that every percentile needs, or MLPerf's number for each. */
export type MinSamples = number | "mlperf";

/** A plugin and its options, as plain JSON. */
export interface PluginConfig {
  /** Built-in name, file or URL; `inline:NAME` for a plugin that code passed without a module. */
  readonly use: string;
  /** Options of the plugin. A header or another secret may be `{ env: NAME }`. */
  readonly with: Readonly<Record<string, unknown>>;
}

/** Rules that end a run, whichever of its stages goes on. */
export interface RunStopRules {
  /** Length of the run, from its first request on, in milliseconds. */
  readonly durationMs?: number;
  /** Requests to start, those before and after the measured windows included. */
  readonly requests?: number;
  /** Number of failed requests that ends it. */
  readonly errors?: number;
  /** Share of failed requests that ends it, above 0 and at most 1, once 30 have ended. */
  readonly errorRate?: number;
  /** Share of failed requests among the last ones that ends it, above 0 and at most 1. */
  readonly recentErrorRate?: number;
  /** Number of requests that the recent error rate looks back on. @default {30} */
  readonly recentErrorWindow?: number;
  /** Whether it ends when a queue grows steadily: requests in flight, or their delay. @default {false} */
  readonly saturation?: boolean;
}

/** Rules that end a stage, and the part of it that is measured. At most one kind of warm-up and of cool-down may be given. */
export interface StopRules extends RunStopRules {
  /** Time for which load is offered before measuring begins, in milliseconds. The limit of `warmupAuto`. @default {0} */
  readonly warmupMs?: number;
  /** Requests to start before measuring begins. */
  readonly warmupRequests?: number;
  /** Length of the warm-up as a share of the duration, or else of the requests. It comes before them. */
  readonly warmupShare?: number;
  /** Whether measuring begins when the load is steady, after `warmupMs` at the latest, or 60 s. @default {false} */
  readonly warmupAuto?: boolean;
  /** Length of the measured window, in milliseconds. */
  readonly durationMs?: number;
  /** Requests to start in the measured window. */
  readonly requests?: number;
  /** Time for which load is offered after the window, in milliseconds. @default {0} */
  readonly cooldownMs?: number;
  /** Requests to start after the window. */
  readonly cooldownRequests?: number;
  /** Length of the cool-down as a share of the duration, or else of the requests. It comes after them. */
  readonly cooldownShare?: number;
  /** Whether load is offered until the requests of the window have ended, at most for the time of the drain. @default {false} */
  readonly cooldownAuto?: boolean;
  /** Time that requests in flight may take once no more are started, in milliseconds. @default 3600000 after a number of requests or the end of the data, 30000 otherwise */
  readonly drainMs?: number;
  /** Time in which nothing is sent or received while requests are in flight, in milliseconds, that ends the stage. @default {3600000} */
  readonly silenceMs?: number;
}

/** A run as plain JSON: everything that is needed to run it again, secrets by name. */
export interface RunConfig {
  /** Version of this format. */
  readonly version: 1;
  /** Sends requests to a model. */
  readonly backend: PluginConfig;
  /** Datasets; several are joined column by column. */
  readonly data: readonly PluginConfig[];
  /** Decides when requests start, stage by stage; the stages of several follow each other. */
  readonly load: PluginConfig | readonly PluginConfig[];
  /** How often all stages are run, each time with another order of the data and other arrivals. @default {1} */
  readonly repeat?: number;
  /** Rules that end each stage. */
  readonly stop: StopRules;
  /** Rules that end the run, whichever stage goes on. */
  readonly stopRun?: RunStopRules;
  /** Objectives that every stage must meet: `ttft.p95<200ms`. */
  readonly slos: readonly string[];
  /** Largest share of a headline metric that may be the client's own in a valid stage. @default {0.1} */
  readonly maxClientShare?: number;
  /** Number of values below which a percentile has too few. @default As many as make it differ from the largest value */
  readonly minSamples?: MinSamples;
  /** Whether round trips of the network are measured before and after each stage. @default {false} */
  readonly probeRtt?: boolean;
  /** Seed of the data's order and of arrivals. */
  readonly seed: number;
  /** Normalizer of texts before words are compared. */
  readonly normalizer: NormalizerName;
  /** Whether one item of the data that cannot be used ends the run. */
  readonly strict: boolean;
  /** Reporters that show or store the result. */
  readonly reports: readonly PluginConfig[];
}

/** {@linkcode PluginConfig} as it is written: the options may be left out. */
export interface PluginConfigInput {
  /** Built-in name, file or URL. */
  readonly use: string;
  /** Options of the plugin. @default {{}} */
  readonly with?: Readonly<Record<string, unknown>>;
}

/** Rules whose times may be texts with a unit, such as "60s", and whose shares may be in percent, such as "5%". */
export type WithUnits<Rules> = {
  readonly [Name in keyof Rules]?:
    | Rules[Name]
    | (Name extends `${string}${"Ms" | "Share" | "Rate"}` ? string : never);
};

/** {@linkcode RunConfig} as it is written: whatever is left out has a default. */
export interface RunConfigInput {
  /** Version of this format. */
  readonly version: 1;
  /** Sends requests to a model. @default {{ use: "realtime" }} */
  readonly backend?: PluginConfigInput;
  /** Datasets, joined column by column. @default The bundled speech, or synthetic prompts for backends of text */
  readonly data?: readonly PluginConfigInput[];
  /** Decides when requests start. @default {{ use: "concurrent", with: { streams: [1] } }} */
  readonly load?: PluginConfigInput | readonly PluginConfigInput[];
  /** How often all stages are run. @default {1} */
  readonly repeat?: number;
  /** Rules that end each stage. @default Each session once */
  readonly stop?: WithUnits<StopRules>;
  /** Rules that end the run, whichever stage goes on. @default {{}} */
  readonly stopRun?: WithUnits<RunStopRules>;
  /** Objectives that every stage must meet, such as `ttft.p95<200ms`. @default {[]} */
  readonly slos?: readonly string[];
  /** Largest share of a headline metric that may be the client's own in a valid stage. @default {0.1} */
  readonly maxClientShare?: number;
  /** Number of values below which a percentile has too few. @default As many as make it differ from the largest value */
  readonly minSamples?: MinSamples;
  /** Whether round trips of the network are measured before and after each stage. @default {false} */
  readonly probeRtt?: boolean;
  /** Seed of the data's order and of arrivals. @default {1} */
  readonly seed?: number;
  /** Normalizer of texts before words are compared. @default {"basic"} */
  readonly normalizer?: NormalizerName;
  /** Whether one item of the data that cannot be used ends the run. @default {false} */
  readonly strict?: boolean;
  /** Reporters that show or store the result. @default {[]} */
  readonly reports?: readonly PluginConfigInput[];
}

/** Facts about the plugins of a run: what they reported when they were open. */
export interface RunFacts {
  /** Facts of the backend: the URL, the model. */
  readonly backend?: Readonly<Record<string, unknown>>;
  /** Facts of the data: the number of items. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Names of the plugins that were loaded from a file or a URL, by the `use` of their configuration. */
  readonly names?: Readonly<Record<string, string>>;
}
