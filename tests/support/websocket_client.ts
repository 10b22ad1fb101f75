// A WebSocket client for tests: records every message as it arrives.

import { WebSocket } from "ws";

/** An event as the server sent it. */
export type TestEvent = Readonly<Record<string, unknown>>;

/** The end of a connection. */
export interface TestClose {
  readonly code: number;
  readonly reason: string;
}

/** A refused upgrade. */
export interface TestRefusal {
  readonly status: number;
  readonly body: string;
}

/** An open connection. */
export interface TestClient extends AsyncDisposable {
  /** Every message received: an event, the text of a frame that is not a JSON object, or bytes. */
  readonly received: readonly (TestEvent | string | Uint8Array)[];
  readonly closed: Promise<TestClose>;
  readonly pings: () => number;
  send(event: unknown): void;
  sendText(text: string): void;
  sendBinary(bytes: Uint8Array): void;
  /** Returns all messages from now up to and including the first event of a type. */
  until(type: string): Promise<TestEvent[]>;
  /** Returns all messages that the server sends before it answers a request sent now. */
  settled(): Promise<TestEvent[]>;
  close(code?: number): void;
}

/** Options of a connection. */
export interface TestClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly deflate?: boolean;
  readonly autoPong?: boolean;
  readonly protocols?: readonly string[];
  readonly ca?: string;
}

interface Socket {
  readonly protocol: string;
  readonly extensions: string;
  on(event: string, listener: (...args: never[]) => void): void;
  send(data: string | Uint8Array): void;
  close(code?: number): void;
  terminate(): void;
}

/** Connects; rejects with the response of the server if it rejects the upgrade. */
export function connectClient(
  url: string,
  options: TestClientOptions = {},
): Promise<TestClient & { readonly socket: Socket }> {
  const { headers = {}, deflate = false, autoPong = true, protocols = [], ca } =
    options;
  const socket: Socket = new WebSocket(
    url.replace(/^http/, "ws"),
    protocols as string[],
    {
      headers,
      perMessageDeflate: deflate,
      autoPong,
      maxPayload: 64 * 2 ** 20,
      ...(ca !== undefined && { ca }),
    },
  );
  const received: (TestEvent | string | Uint8Array)[] = [];
  const watchers = new Set<() => void>();
  let pings = 0;
  let position = 0;
  let isOver = false;
  const wake = () => {
    for (const watcher of [...watchers]) watcher();
  };
  socket.on("message", (data: Uint8Array, isBinary: boolean) => {
    received.push(isBinary ? data : parsed(data.toString()));
    wake();
  });
  socket.on("ping", () => {
    pings++;
    wake();
  });
  const closed = new Promise<TestClose>((resolve) => {
    socket.on("close", (code: number, reason: Uint8Array) => {
      isOver = true;
      resolve({ code, reason: reason.toString() });
      wake();
    });
  });

  function until(
    isLast: (event: TestEvent) => boolean,
    what: string,
  ): Promise<TestEvent[]> {
    const from = position;
    return new Promise((resolve, reject) => {
      const hung = setTimeout(() => {
        watchers.delete(watch);
        reject(new Error(`${what} did not come within 5 s`));
      }, 5000);
      const watch = () => {
        const found = received.slice(from).findIndex((event) =>
          typeof event === "object" && isLast(event as TestEvent)
        );
        if (found < 0 && !isOver) return;
        watchers.delete(watch);
        clearTimeout(hung);
        if (found < 0) {
          return reject(new Error(`The connection ended before ${what}`));
        }
        position = from + found + 1;
        resolve(received.slice(from, position) as TestEvent[]);
      };
      watchers.add(watch);
      watch();
    });
  }

  let questions = 0;
  const client: TestClient & { readonly socket: Socket } = {
    socket,
    received,
    closed,
    pings: () => pings,
    send: (event) => socket.send(JSON.stringify(event)),
    sendText: (text) => socket.send(text),
    sendBinary: (bytes) => socket.send(bytes),
    until: (type) => until((event) => event.type === type, type),
    async settled() {
      const type = `question.${++questions}`;
      socket.send(JSON.stringify({ type }));
      const error = `Unknown event type: ${type}`;
      const events = await until((event) => event.error === error, type);
      return events.slice(0, -1);
    },
    close: (code) => socket.close(code),
    async [Symbol.asyncDispose]() {
      socket.close();
      const timer = setTimeout(() => socket.terminate(), 1000);
      await closed;
      clearTimeout(timer);
    },
  };
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(client));
    socket.on("error", (error: Error) => reject(error));
    socket.on(
      "unexpected-response",
      (
        request: { destroy(): void },
        response: AsyncIterable<Uint8Array> & { statusCode: number },
      ) => {
        refusalOf(response).then((refusal) => {
          request.destroy();
          reject(refusal);
        });
      },
    );
  });
}

/** The response that refused the upgrade. */
export async function refusedClient(
  url: string,
  options: TestClientOptions = {},
): Promise<TestRefusal> {
  try {
    await using client = await connectClient(url, options);
    throw new Error(`The server took it: ${client.received.length}`);
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal;
    return refusal as TestRefusal;
  }
}

async function refusalOf(
  response: AsyncIterable<Uint8Array> & { statusCode: number },
): Promise<TestRefusal> {
  let body = "";
  for await (const piece of response) body += new TextDecoder().decode(piece);
  return { status: response.statusCode, body };
}

function parsed(text: string): TestEvent | string {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

/** Returns an append of a tone of this length. */
export function append(ms: number): TestEvent {
  return appendOf(tone(ms));
}

/** An append of these samples. */
export function appendOf(samples: Int16Array<ArrayBuffer>): TestEvent {
  const bytes = new Uint8Array(
    samples.buffer,
    samples.byteOffset,
    samples.byteLength,
  );
  return { type: "input_audio_buffer.append", audio: bytes.toBase64() };
}

/** A tone without speech. */
export function tone(ms: number): Int16Array<ArrayBuffer> {
  return Int16Array.from(
    { length: ms * 16 },
    (_, i) => 8000 * Math.sin(i / 5),
  );
}

export const update = (model = "earshot-reference"): TestEvent => ({
  type: "session.update",
  model,
});
export const start: TestEvent = { type: "input_audio_buffer.commit" };
export const final: TestEvent = {
  type: "input_audio_buffer.commit",
  final: true,
};
