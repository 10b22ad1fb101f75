import { reasonOf } from "./system_code.ts";

/** Methods that one end of a worker offers to the other. Each takes one argument, which is copied. */
// deno-lint-ignore no-explicit-any
export type Methods = Readonly<Record<string, (argument: any) => unknown>>;

/** The other end of a worker, whose methods can be called. */
export interface Remote<Api extends Methods> {
  /**
   * Calls a method of the other end and resolves to what it returns.
   *
   * @param transfer Buffers to move instead of copying: they are empty here afterwards.
   * @throws {Error} If the method throws, or the worker ends before it returns.
   */
  call<Name extends keyof Api & string>(
    method: Name,
    argument: Parameters<Api[Name]>[0],
    transfer?: readonly Transferable[],
  ): Promise<Result<ReturnType<Api[Name]>>>;
}

type Result<Value> = Unwrapped<Awaited<Value>>;

type Unwrapped<Value> = Value extends Transferred<infer Inner> ? Inner : Value;

/** A worker that this thread started. */
export interface WorkerThread<Api extends Methods>
  extends Remote<Api>, Disposable {
  /** Resolves once the worker takes calls; rejects if it cannot start. Calls made earlier wait. */
  readonly ready: Promise<void>;
  /** Resolves with the reason if the worker ends by itself: it cannot start, or crashes. */
  readonly lost: Promise<Error>;
  /** Ends the worker at once. Calls that wait for it reject. */
  [Symbol.dispose](): void;
}

/** A returned value whose buffers are moved instead of copied. */
export class Transferred<Value> {
  /** The value, and the buffers in it. */
  constructor(
    readonly value: Value,
    readonly transfer: readonly Transferable[],
  ) {}
}

type Message =
  | { readonly kind: "ready" }
  | {
    readonly kind: "call";
    readonly id: number;
    readonly method: string;
    readonly argument: unknown;
  }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: unknown };

type Post = (message: Message, transfer?: readonly Transferable[]) => void;

/** Number of workers that run now. */
let running = 0;

/** Whether no other thread of this process runs JavaScript, as far as this thread started it. */
export function isOnlyThread(): boolean {
  return running === 0;
}

/**
 * Starts a worker whose module calls {@linkcode serveWorker}.
 *
 * @param url The worker's module.
 * @param name The worker's name in stack traces.
 * @param methods What the worker may call in this thread.
 */
export function startWorker<Api extends Methods>(
  url: URL,
  { name, methods = {} }: { name: string; methods?: Methods },
): WorkerThread<Api> {
  const ready = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<Error>();
  ready.promise.catch(() => {});
  let worker: Worker | undefined;
  const end = connect((message, transfer) => {
    worker?.postMessage(message, [...transfer ?? []]);
  }, methods);

  function stop(reason: Error): void {
    if (worker) running--;
    worker?.terminate();
    worker = undefined;
    ready.reject(reason);
    end.fail(reason);
  }

  function lose(reason: string): void {
    const error = new Error(`the worker ${name} ended: ${reason}`);
    stop(error);
    lost.resolve(error);
  }

  try {
    worker = new Worker(url, { type: "module", name });
    running++;
    worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.kind === "ready") ready.resolve();
      else end.receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      lose(event.message);
    };
    worker.onmessageerror = () => lose("it sent an unreadable message");
  } catch (error) {
    lose(reasonOf(error));
  }
  return {
    ready: ready.promise,
    lost: lost.promise,
    call: end.call as Remote<Api>["call"],
    [Symbol.dispose]: () => stop(new Error(`the worker ${name} was ended`)),
  };
}

/** Offers methods to the thread that started this worker. Returns that thread's own methods. */
export function serveWorker<Api extends Methods>(
  methods: Methods,
): Remote<Api> {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Message>) => void;
    postMessage: Post;
  };
  const end = connect(
    (message, transfer = []) => scope.postMessage(message, transfer),
    methods,
  );
  scope.onmessage = ({ data }) => end.receive(data);
  scope.postMessage({ kind: "ready" });
  return { call: end.call as Remote<Api>["call"] };
}

/** One end of the channel: answers the other end's calls, and makes its own. */
function connect(post: Post, methods: Methods) {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let failure: Error | undefined;
  let lastId = 0;

  async function answer(
    { id, method, argument }: Extract<Message, { kind: "call" }>,
  ): Promise<void> {
    try {
      const result = await methods[method]!(argument);
      const { value, transfer } = result instanceof Transferred
        ? result
        : new Transferred(result, []);
      post({ kind: "result", id, value }, transfer);
    } catch (error) {
      try {
        post({ kind: "error", id, error });
      } catch { // the error cannot be copied
        post({ kind: "error", id, error: new Error(reasonOf(error)) });
      }
    }
  }

  return {
    receive(message: Message): void {
      if (message.kind === "call") return void answer(message);
      if (message.kind === "ready") return;
      const settle = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.kind === "result") settle?.resolve(message.value);
      else settle?.reject(message.error);
    },
    // deno-lint-ignore require-await
    async call(
      method: string,
      argument: unknown,
      transfer?: readonly Transferable[],
    ): Promise<unknown> {
      if (failure) throw failure;
      const settle = Promise.withResolvers<unknown>();
      const id = ++lastId;
      post({ kind: "call", id, method, argument }, transfer);
      waiting.set(id, settle);
      return settle.promise;
    },
    fail(error: Error): void {
      failure ??= error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  };
}
