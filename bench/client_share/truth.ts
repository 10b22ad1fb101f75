/** One write to a socket, as the library logs it. */
interface SocketWrite {
  /** Time before and after the call, in milliseconds since 1970. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Both ports of the connection, as one number. */
  readonly ports: number;
  /** The first bytes. */
  readonly head: string;
}

/** Size of a record in the log, and of its numbers: see socket_log.c. */
const RECORD_BYTES = 160, HEADER_BYTES = 24;

/** Reads a log of writes to sockets. */
export async function readSocketLog(path: string): Promise<SocketWrite[]> {
  using file = await Deno.open(path);
  const calls: SocketWrite[] = [];
  const decoder = new TextDecoder("latin1");
  const bytes = new Uint8Array(RECORD_BYTES * 4096);
  const view = new DataView(bytes.buffer);
  while (true) {
    const length = await file.read(bytes) ?? 0;
    for (let at = 0; at + RECORD_BYTES <= length; at += RECORD_BYTES) {
      const size = view.getInt32(at + 20, true);
      if (size === 0) return calls;
      const head = bytes.subarray(at + HEADER_BYTES, at + RECORD_BYTES);
      calls.push({
        beforeMs: view.getFloat64(at, true),
        afterMs: view.getFloat64(at + 8, true),
        ports: view.getInt32(at + 16, true),
        head: decoder.decode(head.subarray(0, size)),
      });
    }
    if (length === 0) return calls;
  }
}

/** The true times of one request, in milliseconds since 1970. */
export interface Truth {
  /** When the first bytes of the request were written. Unknown for speech, whose messages are masked. */
  readonly sentMs?: number;
  /** When the server had written the first token. */
  readonly firstTokenMs: number;
  /** When the server had written the end of the answer. */
  readonly endMs: number;
}

/** Finds what happened to each request, by the id of its answer or its session. */
export function truths(
  client: readonly SocketWrite[],
  server: readonly SocketWrite[],
): Map<string, Truth> {
  const found = new Map<string, Truth>();
  const written = Map.groupBy(server, ({ ports }) => ports);
  for (const [ports, calls] of Map.groupBy(client, ({ ports }) => ports)) {
    const posts = calls.filter(({ head }) => head.startsWith("POST "));
    const answers = answersOf(written.get(ports) ?? []);
    answers.forEach(({ id, pieces }, i) => {
      if (id === undefined) return;
      const [token, end] = [firstToken(pieces), lastPiece(pieces)];
      if (!token || !end) return;
      found.set(id, {
        ...(posts[i] && { sentMs: posts[i].beforeMs }),
        firstTokenMs: token.afterMs,
        endMs: end.afterMs,
      });
    });
  }
  return found;
}

interface Answer {
  readonly id: string | undefined;
  readonly pieces: SocketWrite[];
}

/** Splits what was written to one connection into answers. */
function answersOf(calls: readonly SocketWrite[]): Answer[] {
  const answers: Answer[] = [];
  for (const call of calls) {
    const [, request, session] = ID.exec(call.head) ?? [];
    const id = request ?? session;
    if (id !== undefined) answers.push({ id, pieces: [call] });
    else answers.at(-1)?.pieces.push(call);
  }
  return answers;
}

/** The head of an answer over HTTP, or the first message of a session. */
const ID = /x-request-id: (\S+)|"session\.created","id":"([^"]+)"/;

/** Whether pieces are an answer over HTTP; otherwise they are messages of a session. */
function isAnswer([first]: readonly SocketWrite[]): boolean {
  return first!.head.startsWith("HTTP/1.1 200");
}

/** The piece with the first text: of a chat the first event, behind the head of the answer. */
function firstToken(pieces: readonly SocketWrite[]): SocketWrite | undefined {
  return isAnswer(pieces)
    ? pieces[1] ?? pieces[0]
    : pieces.find(({ head }) => /"delta":"[^"]/.test(head));
}

/** The piece that ends an answer or a transcript. Messages behind others in one read are not seen. */
function lastPiece(pieces: readonly SocketWrite[]): SocketWrite | undefined {
  return isAnswer(pieces)
    ? pieces.at(-1)
    : pieces.find(({ head }) => head.includes("transcription.done"));
}
