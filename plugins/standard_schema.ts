/** The part of Standard Schema v1 that the framework reads. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** The Standard Schema properties. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Library of the schema. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (
      value: unknown,
    ) => Result<Output> | Promise<Result<Output>>;
    /** Converts the schema to JSON Schema, for `info` and the command line. */
    readonly jsonSchema?: {
      /** JSON Schema of the input. */
      readonly input: (
        options: {
          /** Version of JSON Schema. */
          readonly target: "draft-2020-12";
          /** Options of the library, which others ignore. */
          readonly libraryOptions?: Record<string, unknown> | undefined;
        },
      ) => Record<string, unknown>;
    };
    /** Types only; absent at run time. */
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
  /** Path in the value. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}
