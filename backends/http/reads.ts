import { Buffer } from "node:buffer";
import type { Clock } from "../../plugins/mod.ts";

/** Puts together what one network read has brought. */
export interface Reads {
  /** A piece of it. */
  piece(bytes: Buffer): void;
  /** Tells at once what has come. */
  flush(): void;
  /** Runs a task behind what has come, once that is told of. */
  behind(task: () => void): void;
}

/**
 * Undici tells of each chunk of HTTP apart, however many came in one network read, and parses all sockets that have
 * something to read before it lets go. So a read is what comes until then: its time is taken with its first piece,
 * and it is told of when all are in, so that no decoding delays another socket's stamp.
 */
export function networkReads(
  clock: Clock,
  tell: (bytes: Buffer, atMs: number) => void,
): Reads {
  let pieces: Buffer[] = [];
  let atMs = 0;

  function flush(): void {
    if (pieces.length === 0) return;
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    pieces = [];
    tell(bytes, atMs);
  }

  return {
    piece(bytes) {
      if (pieces.length === 0) {
        atMs = clock.now();
        queueMicrotask(flush);
      }
      pieces.push(bytes);
    },
    flush,
    behind(task) {
      queueMicrotask(() => {
        flush();
        task();
      });
    },
  };
}
