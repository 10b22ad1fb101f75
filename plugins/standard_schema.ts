/** The part of Standard Schema v1 that the framework reads. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** The Standard Schema properties. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Who made the schema. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (
      value: unknown,
    ) => Result<Output> | Promise<Result<Output>>;
    /** Tells the schema as JSON Schema: what `info`, completion and the command line's coercion read. */
    readonly jsonSchema?: {
      /** Of what may be given. */
      readonly input: (
        options: { readonly target: "draft-2020-12" },
      ) => Record<string, unknown>;
    };
    /** Types only; never there at run time. */
    readonly types?:
      | { readonly input: Input; readonly output: Output }
      | undefined;
  };
}

/** A validated value, or the issues that stopped it. */
export type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** One reason why a value was refused. */
export interface Issue {
  /** For people. */
  readonly message: string;
  /** Where in the value. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}
