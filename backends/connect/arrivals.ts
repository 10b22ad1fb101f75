import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import {
  type Arrival,
  type ReceiveTimes,
  receiveTimes,
  type TimedSocket,
} from "./receive_times.ts";

/** An address to connect to. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns when the bytes that a socket gave last had arrived; `undefined` if that is never known. */
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
  const firstByte = new Uint8Array(1);
  let timed: TimedSocket | undefined;
  let mayBeTimed = true;
  // Node's types do not know `onread` as an option of a client.
  const options = {
    ...address,
    onread: {
      buffer: () => mayBeTimed ? firstByte : new Uint8Array(READ_BYTES),
      callback(count: number, bytes: Uint8Array): boolean {
        return timed
          ? times.read(timed, bytes[0]!)
          : socket.push(Buffer.from(bytes.subarray(0, count)));
      },
    },
  };
  const socket: Socket = connect(options);
  socket.once("connect", () => {
    const opened = timed = times.open(socket);
    mayBeTimed = opened !== undefined;
    if (!opened) return;
    arrivals.set(socket, opened.arrival);
    socket.once("close", () => times.close(opened));
  });
  return socket;
}

const READ_BYTES = 64 * 1024;
