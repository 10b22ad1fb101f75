import type { Buffer } from "node:buffer";
import { type Body, MAX_BYTES, tooLong } from "./body.ts";
import { isField, mayBeField } from "./events.ts";

/** How to read a body, once it has shown what it is. */
export interface SniffedBodyOptions {
  /** Called once, for a body that begins with a line of an event stream. */
  events(): Body;
  /** Called once, for any other body. */
  whole(): Body;
}

/**
 * Reads a body whose content type does not say that it is an event stream. The first line that is not blank decides,
 * as soon as enough of it has come: a field of an event stream or a comment. Every read keeps its own time.
 */
export function sniffedBody({ events, whole }: SniffedBodyOptions): Body {
  const look = firstLine();
  let body: Body | undefined;
  let waiting: { readonly bytes: Buffer; readonly atMs: number }[] = [];
  let blankBytes = 0;

  function decide(isStream: boolean): boolean {
    body = isStream ? events() : whole();
    const reads = waiting;
    waiting = [];
    return reads.map(({ bytes, atMs }) => body!.read(bytes, atMs)).includes(
      true,
    );
  }

  return {
    read(bytes, atMs) {
      if (body) return body.read(bytes, atMs);
      const seen = look(bytes);
      if (seen === "blank") {
        // Blank lines mean nothing in either form, and there may be any number of them.
        blankBytes += bytes.length;
        if (blankBytes > MAX_BYTES) throw tooLong("a body must be");
        return false;
      }
      waiting.push({ bytes, atMs });
      return seen === "undecided" ? false : decide(seen === "stream");
    },
    end() {
      if (!body) decide(false);
      body!.end();
    },
  };
}

type Seen = "blank" | "undecided" | "stream" | "other";

/** Follows the bytes of a body up to the first line that is not blank, wherever they are cut. */
function firstLine(): (bytes: Buffer) => Seen {
  let markBytes = 0;
  let line = "";
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (line === "" && byte === BYTE_ORDER_MARK[markBytes]) {
        markBytes++;
        continue;
      }
      if (markBytes > 0 && markBytes < BYTE_ORDER_MARK.length) return "other";
      markBytes = BYTE_ORDER_MARK.length;
      if (line === "" && (byte === LF || byte === CR)) continue;
      line += String.fromCharCode(byte);
      if (isField(line)) return "stream";
      if (!mayBeField(line)) return "other";
    }
    return line === "" ? "blank" : "undecided";
  };
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const LF = 10;
const CR = 13;
