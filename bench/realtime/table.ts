import type { Cost } from "./figures.ts";
import { percent } from "../numbers.ts";
import type { BenchOptions } from "../options.ts";

const COLUMNS: readonly (readonly [string, (cost: Cost) => string])[] = [
  ["CPU µs/message", (cost) => cost.cpuMicrosPerMessage.toFixed(1)],
  ["CPU", (cost) => percent(cost.cpu)],
  ["late p50 ms", (cost) => cost.latenessP50Ms.toFixed(2)],
  ["late p99 ms", (cost) => cost.latenessP99Ms.toFixed(2)],
  ["RSS MB", (cost) => (cost.rssBytes / 1e6).toFixed(0)],
  ["chunks/s", (cost) => cost.sentPerSecond.toFixed(0)],
  ["server CPU", (cost) => percent(cost.serverCpu)],
  ["starved", (cost) => percent(cost.starved)],
];

/** Formats the figures as a table. */
export function tableOf(
  transports: Readonly<
    Record<string, { bare: Cost; earshot: Cost; cpuRatio: number }>
  >,
  { streams, chunkMs, seconds, rounds }: BenchOptions,
): string {
  const lines = [
    `${streams} streams of ${chunkMs} ms chunks, medians of ${rounds} × ${seconds} s; a message is one sent or one received`,
    line("", COLUMNS.map(([title]) => title)),
  ];
  for (
    const [name, { bare, earshot, cpuRatio }] of Object.entries(transports)
  ) {
    lines.push(line(`${name}, bare loop`, cells(bare)));
    lines.push(line(`${name}, earshot`, cells(earshot)));
    lines.push(`${name}: ${cpuRatio} times the bare loop's CPU a message`);
  }
  return lines.join("\n");
}

function cells(cost: Cost): string[] {
  return COLUMNS.map(([, cell]) => cell(cost));
}

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(20) + cells.map((cell) => cell.padStart(16)).join("");
}
