import type { Socket } from "node:net";
import type { Libc } from "../../lib/libc.ts";

const AF_INET = 2, AF_INET6 = 10;
const SOCKADDR_BYTES = 28;
const MAX_DESCRIPTORS = 65536;

const address = new Uint8Array(SOCKADDR_BYTES);
const length = new Uint32Array(1);

/**
 * Finds the descriptor of a connected TCP socket, which Deno does not give: by the addresses of both ends, as no other
 * connection has both.
 *
 * @param except Descriptors of other sockets.
 */
export function descriptorOf(
  socket: Socket,
  libc: Libc,
  except?: { has(descriptor: number): boolean },
): number | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  for (let descriptor = 0; descriptor < MAX_DESCRIPTORS; descriptor++) {
    if (except?.has(descriptor)) continue;
    const isFound =
      isAt(libc.getsockname, descriptor, localAddress, localPort) &&
      isAt(libc.getpeername, descriptor, remoteAddress, remotePort);
    if (isFound) return descriptor;
  }
  return undefined;
}

/** Whether one end of a socket, as a system call gives it, has this address and port. */
function isAt(
  call: Libc["getsockname"],
  descriptor: number,
  host = "",
  port = 0,
): boolean {
  length[0] = SOCKADDR_BYTES;
  if (call(descriptor, address, length) !== 0) return false;
  const family = address[0];
  if (family !== AF_INET && family !== AF_INET6) return false;
  if (address[2]! * 256 + address[3]! !== port) return false;
  const found = family === AF_INET
    ? address.subarray(4, 8).join(".")
    : groupsOf(address.subarray(8, 24));
  return inUsualForm(found) === inUsualForm(host);
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
