import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import {
  type Arrival,
  type ReceiveTimes,
  receiveTimes,
} from "./receive_times.ts";

/** An address to connect to. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns when the last bytes that a socket gave had arrived: it changes with each read. `undefined` if that is never known. */
export function arrivalOf(socket: Socket): Readonly<Arrival> | undefined {
  return arrivals.get(socket);
}

const arrivals = new WeakMap<Socket, Arrival>();

/** Opens a TCP socket. Where the system reports when bytes arrive, it does not matter how late this process reads them. */
export function connectTcp(address: TcpAddress): Socket {
  const times = receiveTimes();
  return times ? connectTimed(address, times) : connect(address);
}

/** Deno waits for the first byte of each read; the rest is read with its time. */
function connectTimed(address: TcpAddress, times: ReceiveTimes): Socket {
  const arrival: Arrival = { epochMs: undefined, errorMs: undefined };
  const firstByte = new Uint8Array(1);
  let isTimed = true;
  let descriptor: number | undefined;
  // Node's types do not know `onread` as an option of a client.
  const options = {
    ...address,
    onread: {
      buffer: () => isTimed ? firstByte : new Uint8Array(times.maxBytes),
      callback(count: number, bytes: Uint8Array): boolean {
        if (descriptor !== undefined) return read(descriptor, bytes[0]!);
        return socket.push(Buffer.from(bytes.subarray(0, count)));
      },
    },
  };
  const socket: Socket = connect(options);
  socket.once("connect", () => {
    const found = descriptor = times.open({
      local: { address: socket.localAddress!, port: socket.localPort! },
      remote: { address: socket.remoteAddress!, port: socket.remotePort! },
    });
    isTimed = found !== undefined;
    if (found === undefined) return;
    arrivals.set(socket, arrival);
    socket.once("close", () => times.close(found));
  });

  function read(descriptor: number, first: number | undefined): boolean {
    while (true) {
      const bytes = times.read(descriptor, first, arrival);
      if (bytes.length === 0) return true;
      const goesOn = socket.push(bytes);
      const isAll = bytes.length < times.maxBytes;
      if (isAll || !goesOn || socket.destroyed) return goesOn;
      first = undefined;
    }
  }
  return socket;
}
