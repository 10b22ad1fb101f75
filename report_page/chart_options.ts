import type { Colors } from "./chart.ts";
import { formatNumber } from "./format.ts";
import type { LogScale } from "./scales.ts";

/** Options that all charts share. Tooltips are drawn, never HTML. */
export function chartOptions(colors: Colors, options: object): object {
  return {
    animation: false,
    color: colors.series,
    textStyle: { fontFamily: "system-ui, sans-serif", color: colors.ink },
    grid: { left: 8, right: 20, top: 36, bottom: 8, containLabel: true },
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: colors.surface,
      borderColor: colors.line,
      borderWidth: 1,
      textStyle: { color: colors.ink, fontSize: 12, lineHeight: 17 },
      ...("tooltip" in options ? options.tooltip as object : {}),
    },
    legend: legendOptions(colors, undefined),
    ...without(options, "tooltip"),
  };
}

function without(options: object, name: string): object {
  return Object.fromEntries(
    Object.entries(options).filter(([key]) => key !== name),
  );
}

/** A legend with these names above the chart, at the right. */
export function legendOptions(
  colors: Colors,
  names: readonly string[] | undefined,
): object {
  return names === undefined ? { show: false } : {
    data: names,
    top: 0,
    right: 8,
    itemWidth: 14,
    itemHeight: 8,
    textStyle: { color: colors.ink, fontSize: 12 },
  };
}

/** A linear axis from 0. */
export function linearAxis(
  colors: Colors,
  name: string,
  { isVertical = false, max, reach, interval }: {
    isVertical?: boolean;
    /** End of the axis. @default A round number beyond the values */
    max?: number;
    /** Value that must have a place on it, beyond those of the series. */
    reach?: number;
    /** Distance of the labels. */
    interval?: number;
  } = {},
): object {
  return {
    type: "value",
    min: 0,
    ...(max !== undefined && { max }),
    ...(interval !== undefined && { interval }),
    ...(reach !== undefined && {
      max: ({ max }: { max: number }) => roundUp(Math.max(max, reach)),
    }),
    splitNumber: isVertical ? 4 : 6,
    ...axisLook(colors, name, isVertical),
    axisLabel: {
      color: colors.muted,
      hideOverlap: true,
      showMaxLabel: reach === undefined ? undefined : false,
      formatter: (value: number) => formatNumber(value),
    },
  };
}

/** The next multiple of a fifth of a power of ten. */
function roundUp(value: number): number {
  const step = 2 * 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / step) * step).toPrecision(6));
}

/**
 * A logarithmic axis: its values are decimal logarithms, as the labels of the library's own axis are powers of ten alone.
 */
export function logAxis(
  colors: Colors,
  name: string,
  { min, max, ticks }: LogScale,
  isVertical = false,
): object {
  const customValues = ticks.map(Math.log10);
  return {
    type: "value",
    min: Math.log10(min),
    max: Math.log10(max),
    ...axisLook(colors, name, isVertical),
    axisTick: { customValues },
    splitLine: { customValues, lineStyle: { color: colors.line } },
    axisLabel: {
      customValues,
      color: colors.muted,
      hideOverlap: true,
      formatter: (value: number) => formatNumber(roundedPower(value)),
    },
  };
}

/** Ten to a power that is the logarithm of a round number. */
function roundedPower(value: number): number {
  return Number((10 ** value).toPrecision(6));
}

function axisLook(colors: Colors, name: string, isVertical: boolean): object {
  return {
    name,
    nameLocation: isVertical ? "end" : "middle",
    nameGap: isVertical ? 14 : 28,
    nameTextStyle: {
      color: colors.muted,
      align: isVertical ? "left" : "center",
    },
    axisLine: { show: !isVertical, lineStyle: { color: colors.muted } },
    axisTick: { show: !isVertical },
    splitLine: { lineStyle: { color: colors.line } },
  };
}
