import type { Socket } from "node:net";
import type { Libc } from "../../lib/libc.ts";

const AF_INET = 2, AF_INET6 = 10;
const SOCKADDR_BYTES = 28;
/** Descriptors in a row without a socket that end a search. */
const GAP = 64;
/** The same where a socket was not found: others may have opened many files. */
const LONG_GAP = 1024;

const address = new Uint8Array(SOCKADDR_BYTES);
const length = new Uint32Array(1);

/**
 * Finds the descriptors of connected TCP sockets, which Deno does not give: by the addresses of both ends, as no other
 * connection has both.
 */
export class Descriptors {
  readonly #libc: Libc;
  /**
   * The sockets of the last search by their local ports, which connections to several servers may share: one search finds
   * all that are being connected.
   */
  readonly #byPort = new Map<number, number[]>();
  #highest = -1;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** @param known Descriptors of other sockets. */
  find(
    socket: Socket,
    known: ReadonlyMap<number, unknown>,
  ): number | undefined {
    if (socket.localPort === undefined) return undefined; // it was closed
    let found = this.#found(socket);
    if (found === undefined) {
      this.#search(GAP, known);
      found = this.#found(socket);
    }
    // One may have been closed, and its number used again, before that is known here.
    if (found === undefined) {
      this.#search(LONG_GAP);
      found = this.#found(socket);
    }
    this.#highest = Math.max(this.#highest, found ?? -1);
    return found;
  }

  #found(socket: Socket): number | undefined {
    const { localPort = 0 } = socket;
    return this.#byPort.get(localPort)?.find((descriptor) =>
      this.#isOf(socket, descriptor)
    );
  }

  #search(longestGap: number, known?: ReadonlyMap<number, unknown>): void {
    this.#byPort.clear();
    let last = this.#highest;
    for (let at = 0; at <= last + longestGap; at++) {
      if (known?.has(at) || !this.#readAddress("getsockname", at)) continue;
      const port = portOf(address), others = this.#byPort.get(port);
      if (others) others.push(at);
      else this.#byPort.set(port, [at]);
      last = Math.max(last, at);
    }
  }

  /** Whether a descriptor is that of a socket. */
  #isOf(socket: Socket, descriptor: number): boolean {
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    const isAt = (host = "", port = 0) => {
      const found = hostOf(address);
      return portOf(address) === port &&
        (found === host || inUsualForm(found) === inUsualForm(host));
    };
    return this.#readAddress("getsockname", descriptor) &&
      isAt(localAddress, localPort) &&
      this.#readAddress("getpeername", descriptor) &&
      isAt(remoteAddress, remotePort);
  }

  /** Reads the address of one end into `address`. Returns whether it is one of a TCP socket. */
  #readAddress(
    end: "getsockname" | "getpeername",
    descriptor: number,
  ): boolean {
    length[0] = SOCKADDR_BYTES;
    return this.#libc[end](descriptor, address, length) === 0 &&
      (address[0] === AF_INET || address[0] === AF_INET6);
  }
}

function portOf(address: Uint8Array): number {
  return address[2]! * 256 + address[3]!;
}

function hostOf(address: Uint8Array): string {
  return address[0] === AF_INET
    ? address.subarray(4, 8).join(".")
    : groupsOf(address.subarray(8, 24));
}

/** The eight groups of an IPv6 address. */
function groupsOf(bytes: Uint8Array): string {
  return Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16),
  ).join(":");
}

/** An IP address, which may be written in several ways. */
function inUsualForm(host: string): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return URL.parse(`http://${name}`)?.hostname ?? host;
}
